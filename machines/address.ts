/**
 * One address of ours, made and attested by the signer. Money sent to it is ours only while the chain is watched for it,
 * so it is watched before anybody is told of it, and it is given to one reference for ever.
 */
import { assign, setup } from 'xstate'
import { actions, data, typesOf, unborn, type DataOf, type GeneratedAddress } from './messages.ts'
import type { Scheduled } from './vocabulary.ts'

export interface AddressContext extends Scheduled, GeneratedAddress {
  /** Another ledger has perhaps given it to somebody, so it is given only to a reference that names it. */
  isFormer: boolean
  reference: string | null
  /** The backend's own words, which nothing here reads; absent of what was assigned without. */
  note?: string | null
}

type Data<T extends string> = DataOf<'address', T>

export const address = setup({
  types: typesOf<'address', AddressContext>(),
  actions: {
    ...actions,
    generate: assign((_, generated: Data<'address.generated'>) => {
      const { chain, index, address, dataField, publicKey, path, createdAt, attestation, isFormer } = generated
      const kept = { chain, index, address, dataField, publicKey, path, createdAt, attestation, isFormer }
      return { ...kept, failures: 0, dueAt: null, dueHeight: null, reference: null }
    }),
    retain: assign({ isFormer: true }),
    assign: assign((_, { reference, note }: Data<'address.assigned'>) =>
      note === undefined ? { reference } : { reference, note },
    ),
  },
  guards: {
    needsImport: (_, { needsImport }: Data<'address.generated'>) => needsImport,
    isTreasury: ({ context }) => context.index === 0,
    isFree: ({ context }) => context.index > 0 && !context.isFormer,
  },
}).createMachine({
  id: 'address',
  version: '1',
  context: unborn<AddressContext>(),
  initial: 'absent',
  states: {
    absent: {
      description: 'Not in the ledger yet.',
      on: {
        'address.generated': [
          {
            guard: { type: 'needsImport', params: data },
            target: 'generated',
            actions: { type: 'generate', params: data },
          },
          { target: 'watched', actions: { type: 'generate', params: data } },
        ],
      },
    },
    generated: {
      description: 'Made by the signer; the node does not watch it yet.',
      on: { 'address.imported': 'watched' },
    },
    watched: {
      description:
        'Watched, and free to be given to a reference (the treasury never is, a former one only to who names it).',
      on: {
        'address.assigned': [
          { guard: 'isTreasury' },
          { target: 'assigned', actions: { type: 'assign', params: data } },
        ],
        'address.retained': { guard: 'isFree', actions: 'retain' },
      },
    },
    assigned: { description: 'Belongs to one reference of the backend, for ever.' },
  },
})
