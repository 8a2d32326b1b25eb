// What each thread of the broker does first: takes a name that ps and gdb show, and leaves signals to the main thread.
// Free functions.
#pragma once

#include <pthread.h>
#include <signal.h>

#include <string>

namespace broker {

// At most 15 characters of the name count. With all signals blocked, SIGTERM reaches the thread that waits for it, and
// a sendfile to a closed socket is an error instead of SIGPIPE.
inline void set_up_thread(const std::string& name) {
  pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace broker
