import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openBook, type DemoBook, type BookEntry } from '../../src/devnet/book.ts'
import { createDisk } from '../../src/shell/disk.ts'

const deposit = {
  ...{ id: 'litecoin:aa:0', user: 'ann', chain: 'litecoin', asset: 'LTC', address: 'rltc1a' },
  ...{ amount: '500', transactionId: 'aa' },
}
const withdrawal = { id: 'w-1', user: 'ann', chain: 'litecoin', asset: 'LTC', to: 'rltc1b', amount: '300' }
const receipt = {
  ...{ chain: 'litecoin', id: 'w-1', purpose: 'lockkeeper-void-v1' as const, round: 1, signed: [] },
  ...{ key: 'k', signature: 's' },
}
const credited: BookEntry = { type: 'deposit.credited', ...deposit }
const debited: BookEntry = { type: 'withdrawal.debited', ...withdrawal }
const refunded: BookEntry = { type: 'withdrawal.refunded', id: 'w-1', receipt }

function place(): string {
  const directory = mkdtempSync(join(tmpdir(), 'lockkeeper-book-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return join(directory, 'book.jsonl')
}

const note = (book: DemoBook, ...entries: BookEntry[]) => book.transaction(add => entries.forEach(add))
const open = (path: string) => openBook(createDisk(), path)

describe('the book', () => {
  test('credits, takes back and credits again, and the balance follows', async () => {
    const book = await open(place())
    await note(book, credited)
    expect(book.balance('ann', 'LTC')).toBe(500n)
    await note(book, { type: 'credit.reversed', id: deposit.id })
    expect(book.balance('ann', 'LTC')).toBe(0n)
    await note(book, credited)
    expect(book.balance('ann', 'LTC')).toBe(500n)
    expect(book.deposits.get(deposit.id)).toMatchObject({ isCredited: true, isAcknowledged: false, reversals: 1 })
  })

  test('refuses what must not happen twice', async () => {
    const book = await open(place())
    await note(book, credited, debited)
    await expect(note(book, credited)).rejects.toThrow('credited already')
    await expect(note(book, debited)).rejects.toThrow('debited already')
    await note(book, { type: 'cancellation.wanted', id: 'w-1' }, refunded)
    await expect(note(book, refunded)).rejects.toThrow('refunded already')
    await note(book, { type: 'credit.reversed', id: deposit.id })
    await expect(note(book, { type: 'credit.reversed', id: deposit.id })).rejects.toThrow('not credited')
  })

  test('refuses another amount under a known id, and a debit beyond the balance', async () => {
    const book = await open(place())
    await note(book, credited)
    await expect(note(book, { ...debited, amount: '501' })).rejects.toThrow('has not 501')
    await note(book, { type: 'credit.reversed', id: deposit.id })
    await expect(note(book, { ...credited, amount: '501' })).rejects.toThrow('was 500 before')
  })

  test('gives an address to one user for ever', async () => {
    const book = await open(place())
    const assigned = { chain: 'litecoin', address: 'rltc1a', dataField: null }
    await note(book, { type: 'address.assigned', user: 'ann', ...assigned })
    await expect(note(book, { type: 'address.assigned', user: 'bob', ...assigned })).rejects.toThrow('belongs to ann')
    expect(book.ownerOf('litecoin', 'rltc1a', null)).toBe('ann')
  })

  test('goes on after a restart where it was: balances, cursor, and what is owed', async () => {
    const path = place()
    const first = await open(path)
    await note(first, credited, { type: 'feed.read', ledgerId: 'l', cursor: 7 }, { type: 'memory.seen', sequence: 3 })
    await note(first, debited, { type: 'cancellation.wanted', id: 'w-1' })
    await first.close()
    const second = await open(path)
    expect(second.balance('ann', 'LTC')).toBe(200n)
    expect(second.feed).toEqual({ ledgerId: 'l', cursor: 7 })
    expect(second.memory).toBe(3)
    expect(second.owed).toEqual({
      credits: new Set([deposit.id]),
      withdrawals: new Set(['w-1']),
      cancellations: new Set(['w-1']),
    })
  })

  test('cuts off a line that a crash left unfinished: that transaction has not happened', async () => {
    const path = place()
    const first = await open(path)
    await note(first, credited)
    await first.close()
    const whole = readFileSync(path, 'utf8')
    appendFileSync(path, whole.slice(0, whole.length / 2))
    const second = await open(path)
    expect(second.balance('ann', 'LTC')).toBe(500n)
    await note(second, debited)
    await second.close()
    expect((await open(path)).balance('ann', 'LTC')).toBe(200n)
  })

  test('another ledger is read from its beginning, and asked for everything that is not refunded', async () => {
    const book = await open(place())
    await note(book, credited, debited, { type: 'withdrawal.answered', id: 'w-1' })
    await note(book, { type: 'feed.read', ledgerId: 'old', cursor: 9 })
    expect(book.owed.withdrawals.size).toBe(0)
    await note(book, { type: 'ledger.replaced', ledgerId: 'new' })
    expect(book.feed).toEqual({ ledgerId: 'new', cursor: 0 })
    expect([...book.owed.withdrawals]).toEqual(['w-1'])
  })
})
