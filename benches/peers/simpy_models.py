"""The workloads as SimPy's own examples write them: one process a customer, resources with requests."""

import simpy
from workload import *


def mm1(customers):
    env, tally = simpy.Environment(), Tally()
    server = simpy.Resource(env, 1)

    def customer():
        came = env.now
        with server.request() as turn:
            yield turn
            yield env.timeout(exponential(MM1_SERVICE))
        tally.done += 1
        tally.time += env.now - came

    def source():
        for _ in range(customers):
            yield env.timeout(exponential(MM1_GAP))
            env.process(customer())

    env.process(source())
    env.run()
    return tally


def tiers(requests):
    env, tally = simpy.Environment(), Tally()
    workers = simpy.Resource(env, TIERS_WORKERS)
    pool = simpy.Resource(env, TIERS_CONNECTIONS)
    servers = simpy.Resource(env, TIERS_SERVERS)

    def request():
        came = env.now
        with workers.request() as worker:
            yield worker
            yield env.timeout(exponential(TIERS_COMPUTE))
            with pool.request() as connection:
                yield connection | env.timeout(TIERS_PATIENCE)
                # Leaving the block gives the place in the queue up.
                if not connection.triggered:
                    tally.timeouts += 1
                    return
                with servers.request() as server:
                    yield server
                    yield env.timeout(exponential(TIERS_QUERY))
        tally.done += 1
        tally.time += env.now - came

    def source():
        for _ in range(requests):
            yield env.timeout(exponential(TIERS_GAP))
            env.process(request())

    env.process(source())
    env.run()
    return tally


def hold(events):
    env, tally = simpy.Environment(), Tally()

    def owner():
        while tally.done < events:
            yield env.timeout(exponential(HOLD_INCREMENT))
            tally.done += 1

    for _ in range(HOLD_PENDING):
        env.process(owner())
    env.run()
    return tally


main("SimPy", {"mm1": mm1, "tiers": tiers, "hold": hold})
