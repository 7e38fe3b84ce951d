/** The server's services over gRPC-Web, with the user's token. */
import { create, type DescMessage, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../gen/google/rpc/error_details_pb";
import { StatusSchema } from "../gen/google/rpc/status_pb";
import { MotionService } from "../gen/strut/v1/motion_service_pb";
import { SceneService } from "../gen/strut/v1/scene_service_pb";
import {
  type CreateStyleHeader, CreateStyleRequestSchema, CreateStyleResponseSchema, PreviewClipRequestSchema,
  PreviewClipResponseSchema, type PreviewClipResponse, StyleService,
} from "../gen/strut/v1/style_service_pb";
import { TelemetryService } from "../gen/strut/v1/telemetry_service_pb";

const TOKEN_KEY = "strut-token";
const CHUNK = 1 << 18;
const TRAILERS = 0x80;

/** What went wrong with a call, in the contract's terms. */
export interface Failure {
  code: Code;
  /** The stable reason, such as QUEUE_FULL; empty where there is none. */
  reason: string;
  message: string;
  /** Seconds after which to try again; 0 where the server does not say. */
  retry: number;
}

/** The token is kept for this tab alone, and never leaves it but in calls to this server. */
export const access = {
  get token(): string {
    return sessionStorage.getItem(TOKEN_KEY) ?? "";
  },
  set token(value: string) {
    if (value) sessionStorage.setItem(TOKEN_KEY, value);
    else sessionStorage.removeItem(TOKEN_KEY);
  },
};

const withToken: Interceptor = (next) => (request) => {
  if (access.token) request.header.set("authorization", `Bearer ${access.token}`);
  return next(request);
};

const transport = createGrpcWebTransport({ baseUrl: location.origin, interceptors: [withToken] });

export const motion = createClient(MotionService, transport);
export const styles = createClient(StyleService, transport);
export const scenes = createClient(SceneService, transport);
export const telemetry = createClient(TelemetryService, transport);

/** What an error says. */
export function failureOf(error: unknown): Failure {
  const known = ConnectError.from(error);
  const info = known.findDetails(ErrorInfoSchema)[0];
  const delay = known.findDetails(RetryInfoSchema)[0]?.retryDelay;
  const fields = known.findDetails(BadRequestSchema).flatMap((bad) => bad.fieldViolations);
  const message = fields.length ? fields.map((field) => `${field.field}: ${field.description}`).join("; ") : known.rawMessage;
  return {
    code: known.code,
    reason: info?.reason ?? "",
    message,
    retry: delay ? Number(delay.seconds) + delay.nanos / 1e9 : 0,
  };
}

/** What a file becomes on the canonical skeleton; nothing is stored. */
export async function previewClip(file: File, signal?: AbortSignal): Promise<PreviewClipResponse> {
  const header = create(PreviewClipRequestSchema, { message: { case: "header", value: { fileName: file.name } } });
  const chunks = (await pieces(file)).map((data) =>
    create(PreviewClipRequestSchema, { message: { case: "chunk", value: { data } } }));
  return upload("PreviewClip", PreviewClipRequestSchema, [header, ...chunks], PreviewClipResponseSchema, signal);
}

/** Makes a style of a file, and waits until it is stored. */
export async function createStyle(header: CreateStyleHeader, file: File, progress: (share: number) => void): Promise<void> {
  const first = create(CreateStyleRequestSchema, { message: { case: "header", value: header } });
  const chunks = (await pieces(file)).map((data) =>
    create(CreateStyleRequestSchema, { message: { case: "chunk", value: { data } } }));
  const created = await upload("CreateStyle", CreateStyleRequestSchema, [first, ...chunks], CreateStyleResponseSchema);
  for await (const { operation } of styles.watchOperation({ id: created.operation?.id ?? "" })) {
    progress(operation?.progress ?? 0);
    if (operation?.error) throw statusError(operation.error.code, operation.error.message);
  }
}

async function pieces(file: File): Promise<Uint8Array<ArrayBuffer>[]> {
  const found: Uint8Array<ArrayBuffer>[] = [];
  for (let at = 0; at < file.size; at += CHUNK) found.push(new Uint8Array(await file.slice(at, at + CHUNK).arrayBuffer()));
  return found;
}

/**
 * A call with several requests. The fetch of browsers sends no streams, so Connect makes no such calls; but all the
 * frames of gRPC-Web may come in one body, which is what an upload is.
 */
async function upload<I extends DescMessage, O extends DescMessage>(
  method: string, input: I, messages: MessageShape<I>[], output: O, signal?: AbortSignal,
): Promise<MessageShape<O>> {
  const body = new Blob(messages.flatMap((message) => {
    const data = toBinary(input, message) as Uint8Array<ArrayBuffer>;
    const head = new DataView(new ArrayBuffer(5));
    head.setUint32(1, data.length);
    return [head.buffer, data];
  }));
  const headers: Record<string, string> = { "Content-Type": "application/grpc-web+proto", "X-Grpc-Web": "1" };
  if (access.token) headers.Authorization = `Bearer ${access.token}`;
  let answer: ArrayBuffer;
  try {
    const response = await fetch(`/${StyleService.typeName}/${method}`, { method: "POST", headers, body, signal });
    if (!response.ok) throw new ConnectError(await response.text(), Code.Unavailable);
    answer = await response.arrayBuffer();
  } catch (error) {
    throw error instanceof ConnectError ? error : new ConnectError(String(error), Code.Unavailable);
  }
  let message: MessageShape<O> | null = null;
  const view = new DataView(answer);
  for (let at = 0; at + 5 <= answer.byteLength;) {
    const size = view.getUint32(at + 1), data = new Uint8Array(answer, at + 5, size);
    if (view.getUint8(at) === TRAILERS) refuse(new TextDecoder().decode(data));
    else message = fromBinary(output, data);
    at += 5 + size;
  }
  if (!message) throw new ConnectError("the answer has no message", Code.Internal);
  return message;
}

function refuse(trailers: string): void {
  const lines = new Map(trailers.split("\r\n").map((line) => line.split(/: (.*)/s).slice(0, 2) as [string, string]));
  const code = Number(lines.get("grpc-status"));
  if (code === 0) return;
  const details = lines.get("grpc-status-details-bin");
  if (details) {
    const status = fromBinary(StatusSchema, Uint8Array.from(atob(details), (char) => char.charCodeAt(0)));
    const error = new ConnectError(status.message, status.code);
    error.details = status.details.map(({ typeUrl, value }) => ({ type: typeUrl.split("/").pop()!, value: value as Uint8Array<ArrayBuffer> }));
    throw error;
  }
  throw statusError(code, decodeURIComponent(lines.get("grpc-message") ?? ""));
}

function statusError(code: number, message: string): ConnectError {
  return new ConnectError(message, code);
}
