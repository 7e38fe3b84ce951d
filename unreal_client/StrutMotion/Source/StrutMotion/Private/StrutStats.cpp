#include "ProfilingDebugging/CountersTrace.h"
#include "StrutModule.h"

#include "strut/client.h"

DEFINE_STAT(STAT_StrutUpdate);
DEFINE_STAT(STAT_StrutComponent);
DEFINE_STAT(STAT_StrutPose);

DECLARE_FLOAT_COUNTER_STAT(TEXT("Round trip, ms"), STAT_StrutRoundTrip, STATGROUP_Strut);
DECLARE_FLOAT_COUNTER_STAT(TEXT("Wire, ms"), STAT_StrutWire, STATGROUP_Strut);
DECLARE_FLOAT_COUNTER_STAT(TEXT("Server, ms"), STAT_StrutServer, STATGROUP_Strut);
DECLARE_FLOAT_COUNTER_STAT(TEXT("Queue, ms"), STAT_StrutQueue, STATGROUP_Strut);
DECLARE_FLOAT_COUNTER_STAT(TEXT("Batch wait, ms"), STAT_StrutBatchWait, STATGROUP_Strut);
DECLARE_FLOAT_COUNTER_STAT(TEXT("Inference, ms"), STAT_StrutInference, STATGROUP_Strut);
DECLARE_FLOAT_COUNTER_STAT(TEXT("Post-processing, ms"), STAT_StrutPostprocess, STATGROUP_Strut);
DECLARE_FLOAT_COUNTER_STAT(TEXT("Lead, ms"), STAT_StrutLead, STATGROUP_Strut);
DECLARE_DWORD_COUNTER_STAT(TEXT("Characters"), STAT_StrutCharacters, STATGROUP_Strut);
DECLARE_DWORD_COUNTER_STAT(TEXT("Underruns"), STAT_StrutUnderruns, STATGROUP_Strut);
DECLARE_DWORD_COUNTER_STAT(TEXT("Late frames"), STAT_StrutLateFrames, STATGROUP_Strut);

// Unreal Insights: -trace=default,counters
TRACE_DECLARE_FLOAT_COUNTER(StrutRoundTrip, TEXT("Strut/RoundTripMs"));
TRACE_DECLARE_FLOAT_COUNTER(StrutWire, TEXT("Strut/WireMs"));
TRACE_DECLARE_FLOAT_COUNTER(StrutServer, TEXT("Strut/ServerMs"));
TRACE_DECLARE_FLOAT_COUNTER(StrutQueue, TEXT("Strut/QueueMs"));
TRACE_DECLARE_FLOAT_COUNTER(StrutBatchWait, TEXT("Strut/BatchWaitMs"));
TRACE_DECLARE_FLOAT_COUNTER(StrutInference, TEXT("Strut/InferenceMs"));
TRACE_DECLARE_FLOAT_COUNTER(StrutPostprocess, TEXT("Strut/PostprocessMs"));
TRACE_DECLARE_FLOAT_COUNTER(StrutLead, TEXT("Strut/LeadMs"));
TRACE_DECLARE_INT_COUNTER(StrutCharacters, TEXT("Strut/Characters"));
TRACE_DECLARE_INT_COUNTER(StrutUnderruns, TEXT("Strut/Underruns"));
TRACE_DECLARE_INT_COUNTER(StrutLateFrames, TEXT("Strut/LateFrames"));

namespace StrutStats
{

void Publish(const strut::Client& Client)
{
    const strut::Statistics& All = Client.statistics();
    const strut::WindowTimes& Newest = All.newest;
    const auto Ms = [](double Seconds) { return static_cast<float>(1000.0 * Seconds); };
    SET_FLOAT_STAT(STAT_StrutRoundTrip, Ms(Newest.round_trip));
    SET_FLOAT_STAT(STAT_StrutWire, Ms(Newest.wire));
    SET_FLOAT_STAT(STAT_StrutServer, Ms(Newest.server));
    SET_FLOAT_STAT(STAT_StrutQueue, Ms(Newest.queue));
    SET_FLOAT_STAT(STAT_StrutBatchWait, Ms(Newest.batch_wait));
    SET_FLOAT_STAT(STAT_StrutInference, Ms(Newest.inference));
    SET_FLOAT_STAT(STAT_StrutPostprocess, Ms(Newest.postprocess));
    SET_FLOAT_STAT(STAT_StrutLead, Ms(Newest.lead));
    SET_DWORD_STAT(STAT_StrutCharacters, Client.character_count());
    SET_DWORD_STAT(STAT_StrutUnderruns, All.underruns);
    SET_DWORD_STAT(STAT_StrutLateFrames, All.late_frames);

    TRACE_COUNTER_SET(StrutRoundTrip, Ms(Newest.round_trip));
    TRACE_COUNTER_SET(StrutWire, Ms(Newest.wire));
    TRACE_COUNTER_SET(StrutServer, Ms(Newest.server));
    TRACE_COUNTER_SET(StrutQueue, Ms(Newest.queue));
    TRACE_COUNTER_SET(StrutBatchWait, Ms(Newest.batch_wait));
    TRACE_COUNTER_SET(StrutInference, Ms(Newest.inference));
    TRACE_COUNTER_SET(StrutPostprocess, Ms(Newest.postprocess));
    TRACE_COUNTER_SET(StrutLead, Ms(Newest.lead));
    TRACE_COUNTER_SET(StrutCharacters, static_cast<int64>(Client.character_count()));
    TRACE_COUNTER_SET(StrutUnderruns, static_cast<int64>(All.underruns));
    TRACE_COUNTER_SET(StrutLateFrames, static_cast<int64>(All.late_frames));
}

} // namespace StrutStats
