/**
 * What the types forbid and a test makes on purpose: instances without a machine's whole context, for what only carries,
 * stores and finds them; messages that nobody checked, for a table of everything that may be said to a machine. The
 * casts stand here alone.
 */
import type { Id } from '../../machines/ids.ts'
import type { Message } from '../../machines/messages.ts'
import type { Event } from '../../machines/vocabulary.ts'
import type { AnyStateMachine } from 'xstate'
import type { Found, Instance } from '../../src/kernel/entry.ts'
import type { Machines } from '../../src/kernel/step.ts'

type Untyped<I extends Id> = Omit<Instance, 'id' | 'context'> & { id: I; context: object }

/** `id` may be of a kind that no machine has. */
export const untypedId = (id: string): Id => id as Id

/** With any context. */
export const untypedInstance = <I extends Id>(instance: Untyped<I>) => instance as Found<I>

/** To anybody, anything. */
export const untypedMessage = (to: string, event: Event): Message => ({ to, event }) as Message

/** Machines of kinds that there are none of. */
export const untypedMachines = (machines: Record<string, AnyStateMachine>): Machines => machines as Machines

/** What an instance holds, by names that its type does not have. */
export const untypedContext = ({ context }: { context: object }): Record<string, unknown> =>
  context as Record<string, unknown>
