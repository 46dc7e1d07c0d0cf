// User metadata of modules as JSON: what is JSON stays JSON, everything else is base64.
#pragma once

#include <string_view>

#include "../../metadata/nj_meta.h"
#include "json.h"

namespace nj::msgconv {

// One element for each NJ_MODULE_META of a list of user metas, newest first:
//   {"bundle": "zones", "data": {…}}        the module wrote a JSON object or array (UTF-8)
//   {"bundle": "mine", "base64": "AAEC"}    it wrote anything else
// An empty array when there is none.
Json module_data_json(const GList *user_metas);

}  // namespace nj::msgconv
