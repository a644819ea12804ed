"""Lets DoWhy attribute the anomaly of each issue of an export (`sim export RUN --format petshop`), and tells whether it is right.

Budhathoki, Minorics, Blöbaum, Janzing: "Causal structure-based root cause analysis of outliers", ICML 2022. The files are read as PetShop's own
loader reads them, and the causes of a component's latency are those of the components that it calls.
"""

import argparse
import json
import sys
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")

import networkx as nx
import numpy as np
import pandas as pd
from dowhy import gcm


# Windows that mechanisms can be learnt from at least; with so few they are poor all the same.
CALM = 20


def table(path):
    return pd.read_csv(path, header=[0, 1, 2], index_col=0)


def statistic(frame, metric, agg):
    """One statistic of all components: a column for each."""
    chosen = frame.loc[:, (slice(None), [metric], [agg])]
    chosen.columns = [name for name, _, _ in chosen.columns]
    return chosen


def attributed(graph, normal, abnormal, target):
    """Components with how much of the target's anomaly each is behind."""
    # Effects follow calls backwards: who is slow makes its callers slow.
    causes = graph.reverse()
    causes = causes.subgraph(nx.ancestors(causes, target) | {target}).copy()
    normal = normal[list(causes)]
    normal = normal.fillna(normal.mean())
    # The third row is the one to be explained.
    sample = abnormal[list(causes)].iloc[2:3].fillna(normal.mean())
    model = gcm.InvertibleStructuralCausalModel(causes)
    gcm.auto.assign_causal_mechanisms(model, normal)
    gcm.fit(model, normal)
    scores = gcm.attribute_anomalies(
        model, target, anomaly_samples=sample, anomaly_scorer=gcm.MeanDeviationScorer(), attribute_mean_deviation=True
    )
    return sorted(((float(np.mean(score)), node) for node, score in scores.items()), reverse=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("exports", nargs="+", type=Path, help="folders that `sim export --format petshop` wrote")
    gcm.config.disable_progress_bars()
    gcm.util.general.set_random_seed(1)
    first = issues = 0
    for export in parser.parse_args().exports:
        graph = nx.from_pandas_adjacency(pd.read_csv(export / "graph.csv", index_col=0), create_using=nx.DiGraph)
        normal = table(export / "noissue" / "metrics.csv")
        if len(normal) < CALM:
            print(f"{export}: {len(normal)} calm windows of five minutes are too few to learn from; run for longer")
            continue
        for issue in sorted(export.glob("t*/issue_*")):
            answer = json.loads((issue / "target.json").read_text())
            target, cause = answer["target"], answer["root_cause"]["node"]
            chosen = target["metric"], target["agg"]
            ranks = attributed(graph, statistic(normal, *chosen), statistic(table(issue / "metrics.csv"), *chosen), target["node"])
            place = next((n for n, (_, node) in enumerate(ranks, 1) if node == cause), None)
            issues += 1
            first += place == 1
            print(f"{issue}: {target['node']} {target['metric']} ({len(normal)} calm windows): {cause} comes {f'as number {place}' if place else 'nowhere'}")
            print(f"    ranks   {', '.join(f'{node} {score:.3g}' for score, node in ranks)}")
    print(f"the root cause came first in {first} of {issues}")
    return 0 if issues else 1


if __name__ == "__main__":
    sys.exit(main())
