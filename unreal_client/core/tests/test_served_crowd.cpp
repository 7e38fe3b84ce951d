// Pacing of a crowd against a server that makes windows in batches: on a simulated clock, with the costs that were
// measured on one core, so that what is asserted does not hang on this machine's speed.
#include <doctest/doctest.h>

#include <numeric>

#include "served_crowd.h"

using namespace strut;
using namespace strut::test;

namespace {

// Requests in the busiest tenth of a second over those in the mean one.
double burst(const std::vector<int>& asked) {
    std::vector<int> sums;
    for (std::size_t i = 0; i + 6 <= asked.size(); i += 6)
        sums.push_back(std::accumulate(asked.begin() + static_cast<std::ptrdiff_t>(i),
                                       asked.begin() + static_cast<std::ptrdiff_t>(i + 6), 0));
    const double mean = std::accumulate(sums.begin(), sums.end(), 0.0) / static_cast<double>(sums.size());
    return *std::max_element(sums.begin(), sums.end()) / mean;
}

double late_share(const Client& client) {
    const Statistics& s = client.statistics();
    return static_cast<double>(s.late_frames) / static_cast<double>(s.frames);
}

}  // namespace

TEST_CASE("a crowd that began together asks evenly, and 200 are never late with two evaluations each") {
    ServedCrowd crowd(200, BatchServer(), 2);
    // All ask at once at first, and with two evaluations that takes a while to clear.
    crowd.run(15.0);
    crowd.forget();
    crowd.run(6.0);
    CHECK(burst(crowd.figures.asked) < 1.2);
    CHECK(crowd.client().statistics().late_frames == 0);
    CHECK(crowd.figures.queue.percentile(0.9) < 60000);
}

TEST_CASE("a crowd whose server was lost asks evenly again") {
    ServedCrowd crowd(200, BatchServer(), 1);
    crowd.run(3.0);
    crowd.lose(2.0);
    crowd.run(8.0);
    CHECK(crowd.client().statistics().underruns >= 200);
    crowd.forget();
    crowd.run(3.0);
    CHECK(burst(crowd.figures.asked) < 1.3);
    CHECK(crowd.client().statistics().late_frames == 0);
}

TEST_CASE("400 characters that re-plan twice a second are in time where the server may save evaluations") {
    ServedCrowd crowd(400, BatchServer(), 1);
    crowd.run(10.0, 0.5);
    crowd.forget();
    crowd.run(6.0, 0.5);
    CHECK(late_share(crowd.client()) <= 0.001);
    CHECK(crowd.client().statistics().round_trip.percentile(0.99) < 250000);
    // The lead is that of the latency, not of the newest batch.
    const auto [least, most] = std::minmax_element(crowd.figures.leads.begin(), crowd.figures.leads.end());
    CHECK(*most - *least < 0.12);
}
