#include "strut/timing.h"

#include <utility>

namespace strut {

void LatencyEstimator::add(double seconds) noexcept {
    if (first_) {
        latency_ = seconds;
        deviation_ = seconds / 2.0;
        first_ = false;
        return;
    }
    deviation_ += kDeviationGain / in_flight_ * (std::fabs(seconds - latency_) - deviation_);
    latency_ += kGain / in_flight_ * (seconds - latency_);
}

int LatencyEstimator::ahead(double time_scale, int most) const noexcept {
    const double frames = std::ceil((latency_ + 2.0 * deviation_) * kFps * time_scale);
    return static_cast<int>(std::min(std::max(frames, 1.0), static_cast<double>(most)));
}

namespace {

int bit_length(std::uint64_t value) noexcept {
    int bits = 0;
    for (; value != 0; value >>= 1) ++bits;
    return bits;
}

}  // namespace

std::size_t Histogram::bucket(std::uint64_t value) noexcept {
    if (value < 64) return static_cast<std::size_t>(value);
    const int e = bit_length(value) - 6;
    return static_cast<std::size_t>(64 + 32 * (e - 1)) + static_cast<std::size_t>(value >> e) - 32;
}

std::uint64_t Histogram::highest(std::size_t bucket) noexcept {
    if (bucket < 64) return bucket;
    const std::size_t e = (bucket - 64) / 32 + 1, row = (bucket - 64) % 32;
    return (static_cast<std::uint64_t>(row + 33) << e) - 1;
}

void Histogram::add(std::uint64_t microseconds) noexcept {
    const std::uint64_t value = std::min(microseconds, kLargest);
    ++counts_[bucket(value)];
    ++count_;
    maximum_ = std::max(maximum_, value);
    total_ += value;
}

float MeanSince::look(const Histogram& histogram) noexcept {
    if (histogram.count() < count_ || histogram.total() < total_) count_ = total_ = 0;
    const std::uint64_t count = histogram.count() - count_, total = histogram.total() - total_;
    count_ = histogram.count();
    total_ = histogram.total();
    return count == 0 ? 0.0f : static_cast<float>(static_cast<double>(total) / static_cast<double>(count) / 1000.0);
}

std::uint64_t Histogram::percentile(double share) const noexcept {
    const double wanted = std::max(std::ceil(share * static_cast<double>(count_)), 1.0);
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < kBuckets; ++i) {
        seen += counts_[i];
        if (counts_[i] != 0 && static_cast<double>(seen) >= wanted) return std::min(highest(i), maximum_);
    }
    return 0;
}

std::array<StageSummary, kStages> stage_summaries(const Statistics& s) noexcept {
    const std::array<std::pair<const char*, const Histogram*>, kStages> stages = {{{"round trip", &s.round_trip},
                                                                                   {"wire", &s.wire},
                                                                                   {"server", &s.server},
                                                                                   {"queue", &s.queue},
                                                                                   {"batch wait", &s.batch_wait},
                                                                                   {"inference", &s.inference},
                                                                                   {"postprocess", &s.postprocess},
                                                                                   {"lead", &s.lead},
                                                                                   {"update", &s.frame}}};
    std::array<StageSummary, kStages> out;
    for (std::size_t i = 0; i < stages.size(); ++i) {
        const Histogram& h = *stages[i].second;
        const auto ms = [&h](double share) { return static_cast<double>(h.percentile(share)) / 1000.0; };
        out[i] = {stages[i].first, ms(0.5), ms(0.9), ms(0.99), static_cast<double>(h.maximum()) / 1000.0};
    }
    return out;
}

double Histogram::share_within(std::uint64_t microseconds) const noexcept {
    if (count_ == 0) return 1.0;
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i <= bucket(std::min(microseconds, kLargest)); ++i) seen += counts_[i];
    return static_cast<double>(seen) / static_cast<double>(count_);
}

}  // namespace strut
