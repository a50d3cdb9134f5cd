"""The study of figure 2, which knows no Ray: it runs as any script does."""

import numpy as np

generator = np.random.default_rng(123)


class Worker:
    def __init__(self, h):
        self.theta, self.h = np.array([0.9, 0.9]), np.array(h)

    def step(self):
        self.theta = self.theta - 0.02 * self.h**2 * self.theta

    def score(self):
        return 1.2 - float((self.theta**2).sum())


def study(exploits, explores):
    population = [Worker([1.0, 0.0]), Worker([0.0, 1.0])]
    for step in range(200):
        for worker in population:
            if (step + 1) % 5 == 0:
                best = max(population, key=Worker.score)
                if exploits:
                    worker.theta = best.theta.copy()
                if explores:
                    worker.h = worker.h + 0.1 * generator.normal(size=2)
            worker.step()
    return max(worker.score() for worker in population)


if __name__ == "__main__":
    for name, exploits, explores in [("pbt", True, True), ("grid", False, False)]:
        print(name, round(study(exploits, explores), 2))
