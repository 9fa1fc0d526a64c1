/**
 * HTTP without a server: a route is a function from request to answer. src/shell/koa.ts puts Koa around a route table;
 * the simulator calls the same table directly.
 */
export interface HttpRequest {
  method: string
  /** Without the query, still percent-encoded. */
  path: string
  query: Record<string, string>
  /** Names of parameters that were given more than once; `query` has the last of each. */
  repeated?: readonly string[]
  /** Names in lower case. */
  headers: Record<string, string>
  body: Uint8Array
  /** How it came: `unix`, `tcp <address>`, `tls <SHA-256 of the client's certificate, hex>`. Absent where no socket was. */
  from?: string
  /** Aborted when the client has gone before it was answered. Absent where no socket was. */
  left?: AbortSignal
}

/** A status and a JSON body. */
export interface HttpAnswer {
  status: number
  headers?: Record<string, string>
  /** An object is sent as JSON, a string as it is. */
  body: unknown
}

/** Answers one call; what it throws becomes a problem document. */
export type Handler = (request: HttpRequest) => Promise<HttpAnswer>
