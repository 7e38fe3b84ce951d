// The latency estimator and the histogram against the shared vectors.
#include "strut/timing.h"
#include "vectors.h"

using namespace strut;
using namespace strut::test;

TEST_CASE("latency, deviation, lead and start ahead follow the shared vectors") {
    const Json& file = core()["latency"];
    for (const char* expectation : {"after", "after_in_flight"}) {
        CAPTURE(expectation);
        LatencyEstimator estimator;
        for (std::size_t i = 0; i < file[expectation].size(); ++i) {
            const Json& row = file[expectation][i];
            CHECK(estimator.latency() == doctest::Approx(row[0].get<double>()));
            CHECK(estimator.deviation() == doctest::Approx(row[1].get<double>()));
            CHECK(estimator.lead() == doctest::Approx(row[2].get<double>()));
            CHECK(estimator.ahead(1.0) == row[3].get<int>());
            if (i == file["samples"].size()) break;
            if (std::string(expectation) == "after_in_flight") estimator.set_in_flight(file["in_flight"][i]);
            estimator.add(file["samples"][i]);
        }
    }
}

TEST_CASE("percentiles are those of the shared vectors") {
    for (const Json& entry : core()["percentiles"]) {
        Histogram histogram;
        for (const Json& value : entry["values"]) histogram.add(value.get<std::uint64_t>());
        for (std::size_t i = 0; i < entry["shares"].size(); ++i) {
            CAPTURE(entry["shares"][i].get<double>());
            CHECK(histogram.percentile(entry["shares"][i]) == entry["percentiles"][i].get<std::uint64_t>());
        }
    }
}

TEST_CASE("the share of values within a bound counts whole buckets") {
    Histogram histogram;
    CHECK(histogram.share_within(10) == 1.0);
    for (std::uint64_t value = 1; value <= 10; ++value) histogram.add(value * 10000);
    CHECK(histogram.share_within(5) == 0.0);
    CHECK(histogram.share_within(52000) == doctest::Approx(0.5));
    CHECK(histogram.share_within(200000) == 1.0);
}
