// What the control process may no longer ask of the kernel once it runs, beyond what the wire
// process refuses to all (wire_seccomp.h), whose filter it inherits. Called once, before any other
// thread; its children inherit it in turn.
#pragma once

#include "base/result.h"

namespace sluice {

/// The wire process may be of the same user. What could end, stop, slow or trace it fails with
/// EPERM: signals to anybody but oneself (also by way of descriptors), limits and priorities of
/// others; and so does taking pages of shared memory away. Errors: unavailable, where the kernel
/// has no seccomp.
[[nodiscard]] Status confine_control();

}  // namespace sluice
