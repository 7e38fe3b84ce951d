// A queue from one thread to one other, of fixed capacity, without locks.
#pragma once

#include <atomic>
#include <cstddef>
#include <utility>
#include <vector>

namespace strut {

// push is called by one thread, pop by one other; both never wait. Memory is taken once, in the constructor.
template <typename T>
class Ring {
  public:
    explicit Ring(std::size_t capacity) : items_(capacity + 1) {}
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;

    // False, and nothing done, when it is full.
    bool push(const T& item) noexcept {
        const std::size_t tail = tail_.load(std::memory_order_relaxed);
        const std::size_t next = tail + 1 == items_.size() ? 0 : tail + 1;
        if (next == head_.load(std::memory_order_acquire)) return false;
        items_[tail] = item;
        tail_.store(next, std::memory_order_release);
        return true;
    }

    // False when it is empty.
    bool pop(T& item) noexcept {
        const std::size_t head = head_.load(std::memory_order_relaxed);
        if (head == tail_.load(std::memory_order_acquire)) return false;
        item = std::move(items_[head]);
        head_.store(head + 1 == items_.size() ? 0 : head + 1, std::memory_order_release);
        return true;
    }

    // For the thread that pops.
    bool empty() const noexcept {
        return head_.load(std::memory_order_relaxed) == tail_.load(std::memory_order_acquire);
    }

  private:
    std::vector<T> items_;
    // Apart, so that the two threads do not fight over one line of the cache.
    alignas(64) std::atomic<std::size_t> head_{0};
    alignas(64) std::atomic<std::size_t> tail_{0};
};

}  // namespace strut
