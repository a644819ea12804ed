"""The workload that Ciw's language expresses: queues in a network. Holding one resource while waiting for another is not in it."""

import ciw
from workload import *


def mm1(customers):
    tally = Tally()
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(1 / MM1_GAP)],
        service_distributions=[ciw.dists.Exponential(1 / MM1_SERVICE)],
        number_of_servers=[1],
    )
    ciw.seed(1)
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_customers(customers, method="Finish")
    for record in simulation.get_all_records():
        tally.done += 1
        tally.time += record.exit_date - record.arrival_date
    return tally


main("Ciw", {"mm1": mm1})
