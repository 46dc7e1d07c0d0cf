// Tells the thread sanitizer about the locks and queues of GLib and GStreamer, which are not compiled with it: a GMutex
// is a futex of its own, so without this every access that one guards looks like a race. Linked into the tests of a
// build with b_sanitize=thread; the functions here take the place of the libraries' own for the whole process and call
// them. GRecMutex and GRWLock are pthread locks, which the sanitizer knows.
#include <dlfcn.h>
#include <gst/gst.h>
#include <sanitizer/tsan_interface.h>

namespace {

template <typename Function>
Function *next(Function *, const char *name) {
  return reinterpret_cast<Function *>(dlsym(RTLD_NEXT, name));
}

// What the other side did before it let go of `object` has happened.
void acquired(void *object) { __tsan_acquire(object); }
void releasing(void *object) { __tsan_release(object); }

struct Call {
  GstElementCallAsyncFunc function;
  gpointer data;
  GDestroyNotify destroy;
};

void run_call(GstElement *element, gpointer data) {
  acquired(element);
  const auto *call = static_cast<Call *>(data);
  call->function(element, call->data);
}

void end_call(gpointer data) {
  const auto *call = static_cast<Call *>(data);
  if (call->destroy) call->destroy(call->data);
  delete call;
}

}  // namespace

#define NEXT(name) static const auto real = next(static_cast<decltype(name) *>(nullptr), #name)

extern "C" {

// ---- Locks

void g_mutex_lock(GMutex *mutex) {
  NEXT(g_mutex_lock);
  real(mutex);
  acquired(mutex);
}

gboolean g_mutex_trylock(GMutex *mutex) {
  NEXT(g_mutex_trylock);
  const gboolean locked = real(mutex);
  if (locked) acquired(mutex);
  return locked;
}

void g_mutex_unlock(GMutex *mutex) {
  NEXT(g_mutex_unlock);
  releasing(mutex);
  real(mutex);
}

void g_cond_wait(GCond *condition, GMutex *mutex) {
  NEXT(g_cond_wait);
  releasing(mutex);
  real(condition, mutex);
  acquired(mutex);
}

gboolean g_cond_wait_until(GCond *condition, GMutex *mutex, gint64 end) {
  NEXT(g_cond_wait_until);
  releasing(mutex);
  const gboolean signalled = real(condition, mutex, end);
  acquired(mutex);
  return signalled;
}

// ---- Queues between threads

void g_async_queue_push(GAsyncQueue *queue, gpointer data) {
  NEXT(g_async_queue_push);
  releasing(queue);
  real(queue, data);
}

gpointer g_async_queue_pop(GAsyncQueue *queue) {
  NEXT(g_async_queue_pop);
  gpointer data = real(queue);
  acquired(queue);
  return data;
}

gpointer g_async_queue_try_pop(GAsyncQueue *queue) {
  NEXT(g_async_queue_try_pop);
  gpointer data = real(queue);
  acquired(queue);
  return data;
}

gpointer g_async_queue_timeout_pop(GAsyncQueue *queue, guint64 timeout) {
  NEXT(g_async_queue_timeout_pop);
  gpointer data = real(queue, timeout);
  acquired(queue);
  return data;
}

gboolean gst_bus_post(GstBus *bus, GstMessage *message) {
  NEXT(gst_bus_post);
  releasing(bus);
  return real(bus, message);
}

GstMessage *gst_bus_timed_pop_filtered(GstBus *bus, GstClockTime timeout, GstMessageType types) {
  NEXT(gst_bus_timed_pop_filtered);
  GstMessage *message = real(bus, timeout, types);
  acquired(bus);
  return message;
}

GstMessage *gst_bus_pop_filtered(GstBus *bus, GstMessageType types) {
  NEXT(gst_bus_pop_filtered);
  GstMessage *message = real(bus, types);
  acquired(bus);
  return message;
}

GstMessage *gst_bus_pop(GstBus *bus) {
  NEXT(gst_bus_pop);
  GstMessage *message = real(bus);
  acquired(bus);
  return message;
}

// ---- Work for another thread

void gst_element_call_async(GstElement *element, GstElementCallAsyncFunc function, gpointer data,
                            GDestroyNotify destroy) {
  NEXT(gst_element_call_async);
  releasing(element);
  real(element, run_call, new Call{function, data, destroy}, end_call);
}

// ---- The last reference: what other threads did with the object comes before its end

void gst_mini_object_unref(GstMiniObject *object) {
  NEXT(gst_mini_object_unref);
  releasing(object);
  acquired(object);
  real(object);
}

void g_object_unref(gpointer object) {
  NEXT(g_object_unref);
  releasing(object);
  acquired(object);
  real(object);
}

}  // extern "C"
