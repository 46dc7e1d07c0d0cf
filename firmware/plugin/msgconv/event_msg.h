// What both schemas of event mode ask an NjEventMsgMeta.
#pragma once

#include "documents.h"

namespace nj::msgconv {

// extMsg as the type that objType says, or NULL when there is none.
template <typename Object>
const Object *extension_of(const NjEventMsgMeta *event) {
  return event->extMsgSize ? static_cast<const Object *>(event->extMsg) : nullptr;
}

const GList *mask_of(const NjEventMsgMeta *event);  // polygons of the *_EXT types; NULL for none

}  // namespace nj::msgconv
