"""Small torch networks on scikit-learn's digits, as a population. Runs under Ray Tune, and unchanged on PopTune."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time

from bare import seconds
from ray import tune
from ray.tune.schedulers import PopulationBasedTraining

INTERVAL = 5  # epochs


def train(config):
    import torch
    from sklearn.datasets import load_digits
    from torch import nn

    torch.set_num_threads(1)
    torch.manual_seed(0)
    images, labels = load_digits(return_X_y=True)
    images, labels = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(labels)
    images, tests, labels, answers = images[:1400], images[1400:], labels[:1400], labels[1400:]
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=config["lr"], momentum=config["momentum"])
    epoch = 0
    checkpoint = tune.get_checkpoint()
    if checkpoint:
        with checkpoint.as_directory() as folder:
            saved = torch.load(os.path.join(folder, "model.pt"))
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        for group in optimizer.param_groups:
            group.update(lr=config["lr"], momentum=config["momentum"])
        epoch = saved["epoch"]
    while True:
        epoch += 1
        for batch in torch.randperm(len(images)).split(32):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images[batch]), labels[batch]).backward()
            optimizer.step()
        with torch.no_grad():
            accuracy = (model(tests).argmax(1) == answers).float().mean().item()
        with tempfile.TemporaryDirectory() as folder:
            checkpoint = None
            if epoch % INTERVAL == 0:
                state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch}
                torch.save(state, os.path.join(folder, "model.pt"))
                checkpoint = tune.Checkpoint.from_directory(folder)
            tune.report({"accuracy": accuracy}, checkpoint=checkpoint)


def tuned(trials, epochs, synch, storage):
    scheduler = PopulationBasedTraining(
        time_attr="training_iteration",
        perturbation_interval=INTERVAL,
        hyperparam_mutations={"lr": tune.loguniform(1e-3, 1.0), "momentum": [0.0, 0.5, 0.9, 0.99]},
        synch=synch,
    )
    tuner = tune.Tuner(
        train,
        param_space={"lr": tune.loguniform(1e-3, 1.0), "momentum": tune.choice([0.0, 0.5, 0.9, 0.99])},
        tune_config=tune.TuneConfig(metric="accuracy", mode="max", num_samples=trials, scheduler=scheduler),
        run_config=tune.RunConfig(stop={"training_iteration": epochs}, storage_path=storage, verbose=0),
    )
    began = time.perf_counter()
    results = tuner.fit()
    took = time.perf_counter() - began
    return {"seconds": took, "best": results.get_best_result().metrics["accuracy"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--synchronous", action="store_true")
    parser.add_argument("--bare", action="store_true", help="a few trainings alone, one after the other")
    arguments = parser.parse_args()
    if arguments.bare:
        found = {"each": seconds(train, [{"lr": 0.1, "momentum": 0.9}] * 3, arguments.epochs)}
    else:
        found = tuned(arguments.trials, arguments.epochs, arguments.synchronous, tempfile.mkdtemp())
    print(json.dumps(found))


if __name__ == "__main__":
    main()
