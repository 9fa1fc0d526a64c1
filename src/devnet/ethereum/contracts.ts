/**
 * The contracts of the simulated chain, honest ones and others, as bytecode that any node runs: so small that their assembly
 * can be read. A label is `name:`, its place `@name`; a number is pushed as it stands; what is in capitals is an instruction.
 */
import { hashOfBytes, hexWord, joined, minimalBytes, paddedBytes } from './bytes.ts'

const MNEMONICS: Readonly<Record<string, number>> = {
  ...{ STOP: 0x00, ADD: 0x01, MUL: 0x02, SUB: 0x03, DIV: 0x04, LT: 0x10, GT: 0x11, EQ: 0x14, OR: 0x17, SHL: 0x1b },
  ...{ SHR: 0x1c, KECCAK256: 0x20, ADDRESS: 0x30, CALLER: 0x33, CALLVALUE: 0x34, CALLDATALOAD: 0x35 },
  ...{ CALLDATASIZE: 0x36, CALLDATACOPY: 0x37, CODECOPY: 0x39, POP: 0x50, MSTORE: 0x52, SLOAD: 0x54, SSTORE: 0x55 },
  ...{ JUMP: 0x56, JUMPI: 0x57, GAS: 0x5a, DUP1: 0x80, DUP2: 0x81, DUP3: 0x82, DUP4: 0x83, DUP6: 0x85, SWAP1: 0x90 },
  ...{ LOG3: 0xa3, LOG4: 0xa4, CALL: 0xf1, RETURN: 0xf3, REVERT: 0xfd, SELFDESTRUCT: 0xff },
}
const JUMPDEST = 0x5b
const PUSH0 = 0x5f
const PUSH2 = 0x61
const WORD = 32

type Piece = Uint8Array | { label: string }

function pieceOf(token: string, labels: Map<string, number>, at: number): Piece {
  if (token.endsWith(':')) {
    labels.set(token.slice(0, -1), at)
    return Uint8Array.of(JUMPDEST)
  }
  if (token.startsWith('@')) return { label: token.slice(1) }
  const opcode = MNEMONICS[token]
  if (opcode !== undefined) return Uint8Array.of(opcode)
  const value = minimalBytes(BigInt(token))
  return joined(Uint8Array.of(PUSH0 + value.length), value)
}

/** Throws for a word that is none. */
export function assemble(source: string): Uint8Array {
  const labels = new Map<string, number>()
  let at = 0
  const pieces = source
    .replaceAll(/;.*$/gm, '')
    .split(/\s+/)
    .filter(token => token !== '')
    .map(token => {
      const piece = pieceOf(token, labels, at)
      at += piece instanceof Uint8Array ? piece.length : 3
      return piece
    })
  return joined(
    ...pieces.map(piece =>
      piece instanceof Uint8Array ? piece : Uint8Array.of(PUSH2, ...paddedBytes(BigInt(labels.get(piece.label)!), 2)),
    ),
  )
}

/** Code that, as the data of a transaction without a destination, makes a contract of this code. */
export function deploying(code: Uint8Array, before = ''): Uint8Array {
  const copy = (offset: number) =>
    assemble(`${before} ${hexWord(BigInt(code.length))} DUP1 ${hexWord(BigInt(offset))} 0 CODECOPY 0 RETURN`)
  // An offset of two bytes and one of one byte would make two lengths: both are of one.
  return joined(copy(copy(0xff).length), code)
}

const TRANSFER = '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef'
const ERROR_SELECTOR = '0x08c379a0'

/** Reverts with Solidity's `Error(string)`; at most 32 characters. */
function revertWith(reason: string): string {
  const text = `0x${Buffer.from(reason.padEnd(WORD, '\0')).toString('hex')}`
  return `${ERROR_SELECTOR} 224 SHL 0 MSTORE 32 4 MSTORE ${reason.length} 36 MSTORE ${text} 68 MSTORE 100 0 REVERT`
}

/** What a token does beside what it should. */
export interface TokenTraits {
  decimals: number
  /** What `transfer` returns: USDT returns nothing. */
  returns: 'true' | 'nothing' | 'false'
  /** Hundredths that a recipient does not get, although the log says he does. */
  taxPercent?: number
}

/** A slot that is an address holds its balance; this and an address whether it is blocked. */
const BLOCKED = 1n << 255n
const SUPPLY = 1n << 254n
const ANSWERS = { true: '1 0 MSTORE 32 0 RETURN', nothing: 'STOP', false: '0 0 MSTORE 32 0 RETURN' }
const RETURN_TOP = '0 MSTORE 32 0 RETURN'
const SELECTOR_CHARACTERS = 10

/** The first four bytes of a call's data, for a function by its signature. */
export const selectorOf = (signature: string): string =>
  hashOfBytes(Buffer.from(signature)).slice(0, SELECTOR_CHARACTERS)

const dispatch = (signature: string): string =>
  `DUP1 ${selectorOf(signature)} EQ @${signature.slice(0, signature.indexOf('('))} JUMPI`

/**
 * An ERC-20: balances, `transfer`, `approve`, `transferFrom`, and `block(address)` for whom nothing moves any more. Anybody may
 * block: nobody is harmed.
 */
export function tokenCode({ decimals, returns, taxPercent = 0 }: TokenTraits): Uint8Array {
  const kept = taxPercent === 0 ? '' : `${100 - taxPercent} MUL 100 SWAP1 DIV`
  return assemble(`
    0 CALLDATALOAD 224 SHR
    ${dispatch('transfer(address,uint256)')}
    ${dispatch('balanceOf(address)')}
    ${dispatch('transferFrom(address,address,uint256)')}
    ${dispatch('approve(address,uint256)')}
    ${dispatch('allowance(address,address)')}
    ${dispatch('decimals()')}
    ${dispatch('totalSupply()')}
    ${dispatch('block(address)')}
    0 0 REVERT

    balanceOf: 4 CALLDATALOAD SLOAD ${RETURN_TOP}
    decimals: ${decimals} ${RETURN_TOP}
    totalSupply: ${SUPPLY} SLOAD ${RETURN_TOP}
    block: 1 4 CALLDATALOAD ${BLOCKED} OR SSTORE STOP

    ; The slot of an allowance is the hash of owner and spender.
    allowance: 64 4 0 CALLDATACOPY 64 0 KECCAK256 SLOAD ${RETURN_TOP}
    approve: CALLER 0 MSTORE 4 CALLDATALOAD 32 MSTORE
      36 CALLDATALOAD 64 0 KECCAK256 SSTORE 1 ${RETURN_TOP}

    transferFrom:
      4 CALLDATALOAD 0 MSTORE CALLER 32 MSTORE 64 0 KECCAK256 DUP1 SLOAD   ; allowance, slot
      DUP1 68 CALLDATALOAD GT @tooMuch JUMPI
      68 CALLDATALOAD SWAP1 SUB SWAP1 SSTORE
      68 CALLDATALOAD 36 CALLDATALOAD 4 CALLDATALOAD @move JUMP
    transfer: 36 CALLDATALOAD 4 CALLDATALOAD CALLER @move JUMP

    move:                                          ; from, to, amount (the top of the stack first)
      DUP1 ${BLOCKED} OR SLOAD @blocked JUMPI
      DUP2 ${BLOCKED} OR SLOAD @blocked JUMPI
      DUP1 SLOAD DUP4 DUP2 LT @tooMuch JUMPI       ; balance, from, to, amount
      DUP4 SWAP1 SUB DUP2 SSTORE                   ; from, to, amount
      DUP2 SLOAD DUP4 ${kept} ADD DUP3 SSTORE      ; from, to, amount
      DUP3 0 MSTORE ${TRANSFER} 32 0 LOG3
      ${ANSWERS[returns]}
    tooMuch: ${revertWith('ERC20: amount too high')}
    blocked: ${revertWith('ERC20: blocked')}
  `)
}

/** Slots with which a token begins: all of it belongs to one account. */
export const tokenSlots = (owner: string, supply: bigint): Map<bigint, bigint> =>
  new Map([
    [SUPPLY, supply],
    [BigInt(owner), supply],
  ])

/** Makes such a token, all of which belongs to whoever deploys it. */
export const deployingToken = (traits: TokenTraits, supply: bigint): Uint8Array =>
  deploying(tokenCode(traits), `${supply} DUP1 ${SUPPLY} SSTORE CALLER SSTORE`)

/** Logs a Transfer of whatever the data says (from, to, amount: a word each), and moves nothing. */
export const forgerCode = (): Uint8Array =>
  assemble(`64 CALLDATALOAD 0 MSTORE 32 CALLDATALOAD 0 CALLDATALOAD ${TRANSFER} 32 0 LOG3 STOP`)

/** An ERC-721's Transfer, four topics and no data: `data` is from, to and the token's number. */
export const collectibleCode = (): Uint8Array =>
  assemble(`64 CALLDATALOAD 32 CALLDATALOAD 0 CALLDATALOAD ${TRANSFER} 0 0 LOG4 STOP`)

/** Sends the ether that it gets to the addresses in its data, a word each, in equal parts. */
export const splitterCode = (): Uint8Array =>
  assemble(`
    32 CALLDATASIZE DIV CALLVALUE DIV 0            ; place, share
    next: DUP1 CALLDATASIZE EQ @done JUMPI
      0 0 0 0 DUP6 DUP6 CALLDATALOAD GAS CALL POP
      32 ADD @next JUMP
    done: STOP`)

/** Lets itself send the ether that it gets to the address in its data, takes that back, and succeeds. */
export const betrayerCode = (): Uint8Array =>
  assemble(`
    CALLER ADDRESS EQ @inner JUMPI
    32 0 0 CALLDATACOPY
    0 0 32 0 CALLVALUE ADDRESS GAS CALL STOP
    inner: 0 0 0 0 CALLVALUE 0 CALLDATALOAD GAS CALL 0 0 REVERT`)

/** Reverts with a reason, whatever it is asked. */
export const reverterCode = (): Uint8Array => assemble(revertWith('no'))

/** Ends itself, its ether going to the address in its data. */
export const destructorCode = (): Uint8Array => assemble('0 CALLDATALOAD SELFDESTRUCT')

/** Init code that ends itself before there is a contract: its ether goes to `to`. */
export const destructingCreation = (to: string): Uint8Array => assemble(`${to} SELFDESTRUCT`)
