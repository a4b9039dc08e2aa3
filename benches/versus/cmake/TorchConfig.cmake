# torch as the peer's CPU build needs it: headers, folder of libraries, nothing of CUDA.
# The package's own configuration asks for a CUDA compiler as soon as torch was built with one, which the wheels of PyPI are.
set(TORCH_INCLUDE_DIRS "${PEER_TORCH}/include" "${PEER_TORCH}/include/torch/csrc/api/include")
set(TORCH_LIB_DIR "${PEER_TORCH}/lib")
link_directories("${TORCH_LIB_DIR}")
set(Torch_FOUND TRUE)
