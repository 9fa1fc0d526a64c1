/**
 * Errors are typed by what the caller must do, not by where they arose. `kind` is the stable word that the API shows
 * and that an integrator may branch on; `message` is for people and says what to do.
 */
export type FaultType = 'operating' | 'unknownOutcome' | 'boundary' | 'invariant' | 'corruptStore'

/** An error by what its receiver must do. `kind` is stable, and what the API answers; the message is for people. */
export class Fault extends Error {
  readonly type: FaultType
  readonly kind: string

  constructor(type: FaultType, kind: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'Fault'
    this.type = type
    this.kind = kind
  }
}

/** Retry later: nothing happened. */
export const operating = (kind: string, message: string, cause?: unknown) =>
  new Fault('operating', kind, message, { cause })
/** It may have happened: look before retrying. */
export const unknownOutcome = (kind: string, message: string, cause?: unknown) =>
  new Fault('unknownOutcome', kind, message, { cause })
/** The input is refused and nothing was stored. */
export const boundary = (kind: string, message: string) => new Fault('boundary', kind, message)
/** Something that cannot be is: stop that chain. */
export const invariant = (kind: string, message: string) => new Fault('invariant', kind, message)
/** The store cannot be trusted: do not start. Names the file and the offset. */
export const corruptStore = (message: string) => new Fault('corruptStore', 'corrupt-store', message)

/** What anything thrown says. */
export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
