//! Planted defects stay plantable: each patch in `planted/` fits the tree as it is, and names a test that is there.
//!
//! That each is found, by the test that it names, is shown by `planted/run`, which builds the model once for every defect; here is what
//! can be seen without building anything, and that the command tells what was found from what was not.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A patch, taken apart.
struct Defect {
    name: String,
    /// What is wrong with the code then.
    what: String,
    /// The command that must fail.
    oracle: String,
    hunks: Vec<Hunk>,
}

/// One place of a patch: what is there and what comes instead, context included.
struct Hunk {
    file: String,
    before: Vec<String>,
    after: Vec<String>,
}

fn defects() -> Vec<Defect> {
    let entries = fs::read_dir(root().join("planted")).expect("there are planted defects");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a folder can be listed").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "patch"));
    paths.sort();
    paths.iter().map(|path| parse(path)).collect()
}

fn parse(path: &Path) -> Defect {
    let name = path.file_stem().expect("a patch has a name").to_string_lossy().into_owned();
    let text = read(path);
    let mut lines = text.lines();
    let what = lines.next().unwrap_or_default().to_owned();
    let oracle = lines.next().and_then(|line| line.strip_prefix("Found by: "));
    let oracle = oracle.unwrap_or_else(|| panic!("{name}: the second line says what finds it")).to_owned();
    let (mut file, mut hunks) = (String::new(), Vec::<Hunk>::new());
    for line in lines {
        if let Some(path) = line.strip_prefix("+++ b/") {
            path.clone_into(&mut file);
        } else if line.starts_with("@@ ") {
            hunks.push(Hunk { file: file.clone(), before: Vec::new(), after: Vec::new() });
        } else if let Some(hunk) = hunks.last_mut().filter(|_| !line.starts_with("diff ") && !line.starts_with("--- "))
        {
            let (sign, rest) = line.split_at_checked(1).unwrap_or((" ", ""));
            if sign != "+" {
                hunk.before.push(rest.to_owned());
            }
            if sign != "-" {
                hunk.after.push(rest.to_owned());
            }
        }
    }
    Defect { name, what, oracle, hunks }
}

#[test]
fn every_defect_fits_one_place_of_the_code_as_it_is() {
    let mut wrong = Vec::new();
    for Defect { name, hunks, .. } in defects() {
        assert!(!hunks.is_empty(), "{name} changes nothing");
        for Hunk { file, before, after } in hunks {
            assert!(before != after, "{name} changes nothing in {file}");
            assert!(file.contains("/src/") && !file.contains("tests"), "{name}: {file} is not code under test");
            let text = read(&root().join(&file));
            let lines: Vec<&str> = text.lines().collect();
            let places = lines.windows(before.len()).filter(|lines| **lines == before[..]).count();
            if places != 1 {
                wrong.push(format!("{name}: {places} places in {file} are as it expects"));
            }
        }
    }
    assert!(wrong.is_empty(), "repair these patches, then `planted/run` them: {wrong:#?}");
}

/// Where the test lies that a command runs, and its name.
fn test_of(oracle: &str) -> Option<(Vec<PathBuf>, &str)> {
    let words: Vec<&str> = oracle.split(' ').collect();
    let (package, place, filter) = match words[..] {
        ["cargo", "test", "-p", package, "--lib", filter] => (package, None, filter),
        ["cargo", "test", "-p", package, "--test", test, filter] => (package, Some(test), filter),
        _ => return None,
    };
    let package = root().join("crates").join(package.strip_prefix("knockon-")?);
    let (module, name) = filter.rsplit_once("::").unwrap_or(("", filter));
    let files = match place {
        Some(test) => ["tests".to_owned(), format!("tests/{test}")]
            .map(|folder| package.join(folder).join(if module.is_empty() { test } else { module }).with_extension("rs"))
            .to_vec(),
        // The module itself, or the file that it is within.
        None => {
            let parts: Vec<&str> = module.split("::").collect();
            let paths = (1..=parts.len()).map(|depth| package.join("src").join(parts[..depth].join("/")));
            paths.flat_map(|path| [path.with_extension("rs"), path.join("mod.rs")]).collect()
        }
    };
    Some((files, name))
}

#[test]
fn every_defect_says_what_it_is_and_names_a_test_that_is_there() {
    for Defect { name, what, oracle, .. } in defects() {
        assert!(what.ends_with('.') && what.len() > 20, "{name}: the first line says what is wrong then");
        let (files, test) = test_of(&oracle).unwrap_or_else(|| {
            panic!("{name}: {oracle:?} is not `cargo test -p PACKAGE --lib MODULE::TEST` or `… --test PROGRAM MODULE::TEST`")
        });
        let found = files.iter().filter(|file| file.is_file()).any(|file| read(file).contains(&format!("fn {test}(")));
        assert!(found, "{name}: there is no test {test} in {files:?}");
    }
}

/// All source files below a folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a source folder can be listed") {
        let path = entry.expect("a folder can be listed").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn no_machine_that_has_a_naive_model_is_without_a_defect() {
    let crates = root().join("crates");
    let mut files = Vec::new();
    sources(&crates.join("model/src"), &mut files);
    // A machine is a file or folder of the model: `breaker/`, `bulkhead.rs`.
    let machine = |path: &str| path.split('/').nth(2).unwrap_or_default().trim_end_matches(".rs").to_owned();
    let naive = files.iter().filter(|path| read(path).contains("proptest!"));
    let machines: BTreeSet<String> = naive
        .map(|path| machine(&path.strip_prefix(&crates).expect("it lies below").to_string_lossy().replace('\\', "/")))
        .collect();
    let defects = defects();
    let planted: BTreeSet<String> = defects
        .iter()
        .flat_map(|defect| &defect.hunks)
        .filter_map(|hunk| hunk.file.strip_prefix("crates/"))
        .filter(|file| file.starts_with("model/"))
        .map(machine)
        .collect();
    let without: Vec<_> = machines.difference(&planted).collect();
    assert!(without.is_empty(), "plant a defect in {without:?}, and see with `planted/run` that it is found");
}

/// A project of one file, with the command, defects of each kind and a `cargo` that reads the file.
fn project(folder: &Path) {
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("it lies in the project")).expect("a folder can be made");
        fs::write(path, text).expect("a file can be written");
    };
    write("src/number", "one\n");
    let patch = |name: &str, oracle: &str, before: &str, after: &str| {
        let hunk = format!("--- a/src/number\n+++ b/src/number\n@@ -1,1 +1,1 @@\n-{before}\n+{after}\n");
        write(
            &format!("planted/{name}.patch"),
            &format!("What is wrong.\nFound by: {oracle}\n\ndiff --git a/src/number b/src/number\n{hunk}"),
        );
    };
    patch("found", "bash oracle one", "one", "two");
    patch("missed", "bash oracle any", "one", "two");
    patch("stale", "bash oracle one", "three", "two");
    patch("broken", "bash oracle one", "one", "error: could not compile");
    patch("red_anyway", "bash oracle two", "one", "three");
    patch("no_test", "bash oracle none", "one", "two");
    // Called with one test, or with `--` and several, as `cargo test` is.
    let oracle = r#"
cat src/number
[ "$1" != -- ] || shift
passed=0
for test; do
    case $test in
        none) ;;
        any | $(cat src/number)) passed=$((passed + 1)) ;;
        *) echo 'test result: FAILED. 0 passed' && exit 1 ;;
    esac
done
echo "test result: ok. $passed passed"
"#;
    write("oracle", oracle);
}

#[test]
fn the_command_tells_what_is_found_from_what_is_not() {
    let has =
        |program: &str| Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    if !has("git") || !has("bash") {
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("planted");
    let _ = fs::remove_dir_all(&folder);
    project(&folder);
    fs::copy(root().join("planted/run"), folder.join("planted/run")).expect("the command can be copied");
    let run = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&folder).env("CARGO_TARGET_DIR", folder.join("target"));
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
            command.env_remove(name);
        }
        let output = command.output().expect("it can be run");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    assert_eq!(run("git", &["init", "-q"]).0, Some(0));
    assert_eq!(run("git", &["add", "."]).0, Some(0));
    for (name, verdict) in [
        ("found", "found"),
        ("missed", "NOT FOUND"),
        ("stale", "DOES NOT APPLY"),
        ("broken", "DOES NOT COMPILE"),
        ("red_anyway", "ORACLE UNSOUND"),
        ("no_test", "ORACLE UNSOUND"),
        // What was planted before is gone.
        ("found", "found"),
    ] {
        let (status, said) = run("bash", &["planted/run", name]);
        assert!(said.contains(&format!(" {verdict} ")), "{name}: {said}");
        assert_eq!(status, Some(i32::from(verdict != "found")), "{name}: {said}");
    }
    let (status, said) = run("bash", &["planted/run"]);
    assert_eq!((status, said.matches(" found ").count()), (Some(1), 1), "{said}");
    assert_eq!(run("bash", &["planted/run", "unheard-of"]).0, Some(2));
}
