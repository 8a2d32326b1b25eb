// Whether bytes of a file are in the page cache, and bringing them there: lets a network thread send only what needs no
// disk, and a background thread warm the rest first. Safe from any thread.
#pragma once

#include "protocol/records_field.h"

namespace storage {

// True if sending the records would not wait for the disk. Memory is always cached; file ranges are sampled.
bool is_cached(const protocol::Records& records);

// Reads the file ranges into the page cache; waits for the disk.
void warm(const protocol::Records& records);

}  // namespace storage
