// NjEventMsgMeta: an event that an application attaches to a frame, for njmsgconv's event mode (msg2p-newapi=false).
//
// The fields, their types and their meaning are those of NvDsEventMsgMeta (nvdsmeta_schema.h), as far as the full and
// the minimal schema use them, so that code which fills one fills the other. Attach it to a frame's user list as an
// NjUserMeta with meta_type NJ_EVENT_MSG_META; the application's copy_func and release_func own what the pointers refer
// to. Strings are UTF-8; NULL means unknown.
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  NJ_EVENT_ENTRY = 0,
  NJ_EVENT_EXIT = 1,
  NJ_EVENT_MOVING = 2,
  NJ_EVENT_STOPPED = 3,
  NJ_EVENT_EMPTY = 4,
  NJ_EVENT_PARKED = 5,
  NJ_EVENT_RESET = 6,
  NJ_EVENT_CUSTOM = 0x101,  // applications' own: this and above
} NjEventType;

typedef enum {
  NJ_OBJECT_TYPE_VEHICLE = 0,  // extMsg: NjVehicleObject
  NJ_OBJECT_TYPE_PERSON = 1,   // extMsg: NjPersonObject
  NJ_OBJECT_TYPE_FACE = 2,     // extMsg: NjFaceObject
  NJ_OBJECT_TYPE_BAG = 3,
  NJ_OBJECT_TYPE_BICYCLE = 4,
  NJ_OBJECT_TYPE_ROADSIGN = 5,
  NJ_OBJECT_TYPE_VEHICLE_EXT = 6,  // extMsg: NjVehicleObjectExt
  NJ_OBJECT_TYPE_PERSON_EXT = 7,   // extMsg: NjPersonObjectExt
  NJ_OBJECT_TYPE_FACE_EXT = 8,     // extMsg: NjFaceObjectExt
  NJ_OBJECT_TYPE_3D = 9,
  NJ_OBJECT_TYPE_DUMMY = 10,        // carries no object
  NJ_OBJECT_TYPE_PRODUCT = 11,      // extMsg: NjProductObject
  NJ_OBJECT_TYPE_PRODUCT_EXT = 12,  // extMsg: NjProductObjectExt
  NJ_OBJECT_TYPE_CUSTOM = 0x101,
  NJ_OBJECT_TYPE_UNKNOWN = 0x102,  // objectId says what it is
} NjObjectType;

typedef struct {
  gfloat top, left, width, height;  // pixels
} NjRect;

typedef struct {
  gdouble lat, lon, alt;
} NjGeoLocation;

typedef struct {
  gdouble x, y, z;
} NjCoordinate;

typedef struct {
  gdouble *signature;
  guint size;  // values
} NjObjectSignature;

typedef struct {
  gchar *type, *make, *model, *color, *region, *license;
} NjVehicleObject;

typedef struct {
  gchar *gender, *hair, *cap, *apparel;
  guint age;  // years
} NjPersonObject;

typedef struct {
  gchar *gender, *hair, *cap, *glasses, *facialhair, *name, *eyecolor;
  guint age;  // years
} NjFaceObject;

typedef struct {
  gchar *brand, *type, *shape;
} NjProductObject;

// The *Ext variants begin like the plain ones. mask: GList of GArray of gdouble, one polygon each, x and y alternating.
typedef struct {
  gchar *type, *make, *model, *color, *region, *license;
  GList *mask;
} NjVehicleObjectExt;

typedef struct {
  gchar *gender, *hair, *cap, *apparel;
  guint age;
  GList *mask;
} NjPersonObjectExt;

typedef struct {
  gchar *gender, *hair, *cap, *glasses, *facialhair, *name, *eyecolor;
  guint age;
  GList *mask;
} NjFaceObjectExt;

typedef struct {
  gchar *brand, *type, *shape;
  GList *mask;
} NjProductObjectExt;

typedef struct {
  gfloat x, y, z;  // pixels
  gfloat confidence;
} NjJoint;

typedef struct {
  NjJoint *joints;
  gint num_joints;
  gint pose_type;  // 0: 2D (18 joints), 1: 2.5D, 2: 3D (34 joints)
} NjJoints;

typedef struct {
  gfloat *embedding_vector;
  guint embedding_length;
} NjEmbedding;

typedef struct {
  gint *points;     // x and y alternating
  guint numFilled;  // points, not numbers
} NjConvexHull;

typedef struct {
  gfloat ptWorldFeet[2];  // metres on the ground
  gfloat ptImgFeet[2];    // pixels
  NjConvexHull convexHull;
} Nj3DTracking;

typedef struct {
  NjEventType type;
  NjObjectType objType;
  NjRect bbox;
  NjGeoLocation location;
  NjCoordinate coordinate;
  NjObjectSignature objSignature;
  gint objClassId;
  gint sensorId;     // selects [sensorN] of njmsgconv's config
  gint moduleId;     // selects [analyticsN]
  gint placeId;      // selects [placeN]
  gint componentId;  // compared with njmsgconv's comp-id
  gint frameId;
  gdouble confidence;
  guint64 trackingId;
  gchar *ts;  // RFC 3339, for instance 2026-07-20T08:15:30.123Z
  gchar *objectId;
  gchar *sensorStr;  // overrides sensorId in the minimal schema
  gchar *otherAttrs;
  gchar *videoPath;
  gpointer extMsg;   // see NjObjectType
  guint extMsgSize;  // bytes; 0 when there is no extMsg
  NjJoints pose;
  NjEmbedding embedding;
  gboolean has3DTracking;
  Nj3DTracking singleView3DTracking;
  gfloat visibility;
} NjEventMsgMeta;

G_END_DECLS
