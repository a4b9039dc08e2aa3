"""Accuracy of LeNet-5 under analog SGD on full MNIST, all layers analog; prints one line an epoch.

The best two lines of docs/results.md on LeNet-5 under analog SGD:

    python benches/python/lenet5.py --data-root DIR --device idealized --lr 0.1 --factor 0.6
    python benches/python/lenet5.py --data-root DIR --device reram_sb --lr 0.03 --factor 0.6 --omega 0.6

With --validate every tenth training image is held out and tested on, for choosing a rate; the test set stays unseen.
"""

import argparse

import dsptrack as dt
from dsptrack import nn


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", help="folder of MNIST's files (default: $DSPTRACK_DATA)")
    parser.add_argument("--device", default="idealized", help="a preset")
    parser.add_argument(
        "--reads", choices=("noisy", "ideal"), default="noisy", help="default periphery, or exact reads"
    )
    parser.add_argument("--lr", type=float, default=0.1, help="global learning rate of the first epoch")
    parser.add_argument("--factor", type=float, default=0.6, help="what the rate is multiplied by after every epoch")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--omega", type=float, default=0.0, help="weight scaling: largest weight on a tile; 0: none")
    parser.add_argument("--learn-scale", action="store_true", help="learn an output scale a tile")
    parser.add_argument("--validate", action="store_true", help="hold every tenth training image out and test on these")
    args = parser.parse_args()
    data = dt.datasets.load("mnist", args.data_root)
    data = data.hold_out(10) if args.validate else data
    rule = dt.algorithms.AnalogSGD(device=getattr(dt.presets, args.device)())
    reads = {"forward": dt.Periphery.ideal(), "backward": dt.Periphery.ideal()} if args.reads == "ideal" else {}
    scales = {"weight_scaling_omega": args.omega, "learn_out_scaling": args.learn_scale}
    model = nn.lenet5(rule, rng=args.seed, num_threads=args.threads, **scales, **reads)
    schedule = nn.schedules.Exponential(lr=args.lr, factor=args.factor)
    trainer = nn.Trainer(model, nn.CrossEntropyLoss(), lr=schedule, batch_size=args.batch_size, rng=args.seed)
    print(f"{args}\n{len(data.train_x)} images to train, {len(data.test_x)} to test", flush=True)
    trainer.fit(data, args.epochs, progress=False, on_epoch=show)


def show(record: nn.EpochRecord) -> None:
    """Print what one epoch brought."""
    print(
        f"epoch {record.epoch}: loss {record.train_loss:.4f}, accuracy {record.test_accuracy:.2f} %, "
        f"{record.seconds:.0f} s",
        flush=True,
    )


if __name__ == "__main__":
    main()
