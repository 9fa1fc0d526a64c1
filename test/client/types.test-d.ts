/** The client's types are what the watcher answers. */
import { expectTypeOf, test } from 'vitest'
import type { z } from 'zod'
import type * as client from '../../src/client/types.ts'
import type * as watcher from '../../src/watcher/schemas.ts'

test('what the watcher answers is what the client says', () => {
  expectTypeOf<z.output<typeof watcher.addressSchema>>().toExtend<client.Address>()
  expectTypeOf<z.output<typeof watcher.depositSchema>>().toExtend<client.Deposit>()
  expectTypeOf<z.output<typeof watcher.withdrawalSchema>>().toExtend<client.Withdrawal>()
})

test('a withdrawal that is asked for is what the watcher takes', () => {
  expectTypeOf<Required<client.Wish>>().toExtend<Omit<z.input<typeof watcher.withdrawalBody>, 'authorisations'>>()
  // @ts-expect-error an amount is no number
  expectTypeOf<{ id: string; chain: string; asset: string; to: string; amount: number }>().toExtend<client.Wish>()
})
