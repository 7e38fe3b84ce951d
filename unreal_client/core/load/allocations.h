// Counts what a thread allocates through operator new, so that tests and strut_load can show that a frame allocates
// nothing.
#pragma once

#include <cstdint>

namespace strut {

struct Allocations {
    std::uint64_t count = 0, bytes = 0;
};

// Of the calling thread since its beginning.
Allocations thread_allocations() noexcept;
// Of all threads but those that have called exclude_thread.
Allocations other_allocations() noexcept;
void exclude_thread() noexcept;

}  // namespace strut
