"""E-RIDER against AGAD: a network of 64-32-10 units learns digits of 8 x 8 pixels on devices with a wrong reference.

Left, the accuracy on test images; right, how far the estimates of the symmetric points are from the truth. All have
the paper's rates for MNIST, the same initial weights, cells and order of images; the second AGAD sends as many pulses
to P (fast_lr 0.5) as E-RIDER. Nothing was tuned for these images.

    python examples/gallery/erider_against_agad.py [PICTURE [EPOCHS]]
"""

import sys

import dsptrack as dt
from dsptrack.experiments import CompareSettings, compare

picture = sys.argv[1] if sys.argv[1:] else "erider_against_agad.png"
settings = CompareSettings(
    data="digits",
    methods=("agad", "agad-fast", "e-rider"),
    hidden=(32,),
    device=dt.devices.SoftBoundsReference(dw_min=0.02, w_max=1, w_min=-1, subtract_symmetry_point=True),
    reference_mean=0.4,
    reference_std=0.3,
    columns_per_transfer=8,
    epochs=int(sys.argv[2]) if sys.argv[2:] else 30,
)
results = compare(settings).results
figure = dt.plot.compare({result.label: result.history for result in results}, title="digits, 64-32-10")
figure.set_size_inches(8.4, 4.0)
figure.savefig(picture, dpi=100)

for result in results:
    print(f"{result.label}: {result.accuracy_mean:.1f} % of the test images, SP error {result.sp_error:.3f}")
