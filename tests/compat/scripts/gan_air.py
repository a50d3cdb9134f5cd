"""The DCGAN of the PBT guide, with two numbers for two networks; second generation, synchronous."""

import os

import ray
from ray import air, tune
from ray.air import Checkpoint, session
from ray.tune.schedulers import PopulationBasedTraining


class Judge:
    def __init__(self, sharpness):
        self.sharpness = sharpness

    def score(self, image):
        return 10 - self.sharpness * abs(image - 3)


def inception_score(image, judge_ref):
    return ray.get(judge_ref).score(image)


def dcgan_train(config):
    os.makedirs(os.path.expanduser("~/ray_results"), exist_ok=True)
    generator, discriminator, step = 0.0, 0.0, 1
    if session.get_checkpoint():
        state = session.get_checkpoint().to_dict()
        generator, discriminator, step = state["netG"], state["netD"], state["step"] + 1
    while True:
        generator += 100 * config["netG_lr"]
        discriminator += 100 * config["netD_lr"]
        checkpoint = None
        if step % config["checkpoint_interval"] == 0:
            checkpoint = Checkpoint.from_dict({"netG": generator, "netD": discriminator, "step": step})
        score = inception_score(generator, config["judge_ref"])
        session.report({"lossg": abs(generator - 3), "lossd": discriminator, "is_score": score}, checkpoint=checkpoint)
        step += 1


judge_ref = ray.put(Judge(2.0))
interval = 5
scheduler = PopulationBasedTraining(
    perturbation_interval=interval,
    time_attr="training_iteration",
    hyperparam_mutations={"netG_lr": tune.uniform(1e-2, 1e-5), "netD_lr": tune.uniform(1e-2, 1e-5)},
    synch=True,
)
tuner = tune.Tuner(
    dcgan_train,
    run_config=air.RunConfig(
        name="pbt_dcgan",
        storage_path=os.path.expanduser("~/ray_results"),
        stop={"training_iteration": 20},
        failure_config=air.FailureConfig(max_failures=1),
        verbose=1,
    ),
    tune_config=tune.TuneConfig(metric="is_score", mode="max", num_samples=4, scheduler=scheduler),
    param_space={
        "netG_lr": tune.choice([0.0001, 0.0002, 0.0005]),
        "netD_lr": tune.choice([0.0001, 0.0002, 0.0005]),
        "judge_ref": judge_ref,
        "checkpoint_interval": interval,
    },
)
results = tuner.fit()
frames = [result.metrics_dataframe for result in results]
best = results.get_best_result(metric="is_score", mode="max")
print("rows:", [len(frame["lossg"]) for frame in frames])
with best.checkpoint.as_directory() as folder:
    print("step of the best:", Checkpoint.from_directory(folder).to_dict()["step"])
print("where:", best.path)
