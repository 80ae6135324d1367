"""Two models of scikit-learn, as a command: `python -m digits.baselines svm --gamma 0.001 ... --out rows.csv`."""

import argparse
from pathlib import Path

from digits.deal import deal, judged, load


def main() -> None:
    """Train one model with one seed, and write what it comes to as rows."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model", choices=["svm", "forest"])
    parser.add_argument("--gamma", type=float, help="width of the kernel, for pixels of 0 to 16")
    parser.add_argument("--trees", type=int)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    if options.model == "svm":
        from sklearn.svm import SVC

        model = SVC(gamma=options.gamma * 16**2)  # our pixels are 0 to 1
    else:
        from sklearn.ensemble import RandomForestClassifier

        model = RandomForestClassifier(options.trees, random_state=options.seed)
    (images, labels), (unseen, answers) = deal(*load(options.data), options.seed)
    found = judged(model.fit(images, labels).predict(unseen), answers)
    rows = [f"{options.seed},{','.join(name.split())},{value}" for name, value in found.items()]
    options.out.write_text("\n".join(["seed,split,metric,value", *rows]) + "\n")


if __name__ == "__main__":
    main()
