// Runs a WebAssembly program with the files below the current folder: node golden/wasi.mjs PROGRAM ARGUMENT…
import { readFile } from 'node:fs/promises';
import { WASI } from 'node:wasi';

const [program, ...args] = process.argv.slice(2);
const wasi = new WASI({ version: 'preview1', args: [program, ...args], preopens: { '.': '.' } });
const module = await WebAssembly.compile(await readFile(program));
// Wrapped: called as they are, optimised, they crash Node.js 20 now and then (nodejs/node#46777, #53087).
const calls = Object.entries(wasi.wasiImport).map(([name, call]) => [name, (...given) => call(...given)]);
const imports = { wasi_snapshot_preview1: Object.fromEntries(calls) };
process.exitCode = wasi.start(await WebAssembly.instantiate(module, imports));
