// The transport over gRPC. The only header of the core that has to do with it, and it names none of its types.
#pragma once

#include <memory>

#include "strut/transport.h"

namespace strut {

// A transport for one Connection. It runs one thread while a stream is open: the reader.
std::unique_ptr<Transport> make_grpc_transport();

}  // namespace strut
