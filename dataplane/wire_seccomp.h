// Which system calls the wire process may still make once it forwards. Two filters, both for good:
// a list of what nobody here needs is refused to every thread, and to the control process, which
// inherits it; a worker, which sees hostile bytes, may make no call but a handful. Called once per
// thread at start, after privileges were dropped.
#pragma once

#include "base/result.h"

namespace sluice {

/// For all threads of the process, now and later, and their children: loading code into the kernel,
/// mounting, tracing, other namespaces, keys, clocks and the like fail with EPERM and are logged by
/// the kernel. Errors: unavailable, where the kernel has no seccomp.
[[nodiscard]] Status confine_process();

/// For the calling thread: nothing but what takes and sends frames, tells time, wakes others, frees
/// and takes plain memory, writes to descriptors that are open, and ends the thread. Anything else
/// (opening, connecting, starting a program, memory that can be run) kills the process; in a build
/// with sanitizers it fails with EPERM, so that they can tell what they found. Errors: unavailable.
[[nodiscard]] Status confine_worker_thread();

}  // namespace sluice
