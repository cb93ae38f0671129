// From a configuration file to the running wire process: the file is read and judged in a
// short-lived child, which hands over one plain, checked plan. The wire process parses no file.
#pragma once

#include <string>

#include "base/result.h"
#include "config/check.h"
#include "dataplane/doctor.h"
#include "render.h"

namespace sluice {

/// What start judges of a file, on whatever host: check_file, and that the plan of its memory works
/// out where the file says both budget and workers.
[[nodiscard]] CheckedConfig check_for_start(const std::string& path);
/// The same where rules that were compiled before are taken to be right.
[[nodiscard]] CheckedConfig check_believing_cache(const std::string& path);

/// The plan for this host. Errors: invalid where the configuration asks for what is not there.
[[nodiscard]] Result<PlanAnswer> plan_host(const CheckedConfig& checked);

/// What `sluiced doctor` holds the host against.
[[nodiscard]] HostNeeds host_needs(const CheckedConfig& checked, const std::string& config_path);

/// `sluiced run`: returns the exit code.
[[nodiscard]] int run_gateway(const std::string& config_path);

}  // namespace sluice
