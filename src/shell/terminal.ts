/** Secrets from people: the environment, a file, or the terminal without echo. */
import { readFile } from 'node:fs/promises'
import { boundary, reasonOf } from '../kernel/fault.ts'

const MAXIMUM_CHARACTERS = 1024
const CONTROL_C = '\u0003'
const BACKSPACES = ['\u007f', '\b']

/** Where the configuration says the passphrase is; where nothing is said, the terminal is asked. */
export interface PassphraseSource {
  /** The variable's name. */
  passphraseEnv?: string | undefined
  /** The file's path; its first line counts. */
  passphraseFile?: string | undefined
}

/**
 * The keystore's passphrase: from the variable, from the file, or asked on the terminal.
 * @throws boundary `no-passphrase` when there is none and nobody can be asked
 */
export async function readPassphrase(source: PassphraseSource, question = 'Passphrase: '): Promise<string> {
  const { passphraseEnv, passphraseFile } = source
  const given = passphraseEnv === undefined ? undefined : process.env[passphraseEnv]
  if (given !== undefined && given !== '') return given
  if (passphraseFile !== undefined) return readSecretFile(passphraseFile)
  if (!process.stdin.isTTY) {
    throw boundary('no-passphrase', `set ${passphraseEnv ?? 'a passphrase'}: there is no terminal to ask for it`)
  }
  return askSecret(question)
}

/** As readPassphrase, asked twice on a terminal: a new keystore under a mistyped passphrase would be lost. */
export async function choosePassphrase(passphraseEnv: string): Promise<string> {
  const first = await readPassphrase({ passphraseEnv }, 'New passphrase: ')
  const wasAsked = (process.env[passphraseEnv] ?? '') === ''
  if (wasAsked && (await askSecret('Again: ')) !== first) throw boundary('no-passphrase', 'the passphrases differ')
  return first
}

/** The first line of a file, without its end. */
export async function readSecretFile(path: string): Promise<string> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    throw boundary('missing-file', `${path} cannot be read: ${reasonOf(error)}`)
  }
  const line = text.split('\n')[0]!.replace(/\r$/, '')
  if (line === '') throw boundary('empty-file', `${path} has nothing on its first line`)
  return line
}

async function askSecret(question: string): Promise<string> {
  const { stdin, stderr } = process
  stderr.write(question)
  stdin.setRawMode(true)
  stdin.setEncoding('utf8')
  stdin.resume()
  try {
    return await new Promise<string>((resolve, reject) => readKeys(resolve, reject))
  } finally {
    stdin.setRawMode(false)
    stdin.pause()
    stderr.write('\n')
  }
}

function readKeys(resolve: (line: string) => void, reject: (error: Error) => void): void {
  let line = ''
  const listen = (keys: string) => {
    for (const key of keys) {
      if (key === CONTROL_C) return finish(() => reject(boundary('interrupted', 'interrupted')))
      if (key === '\r' || key === '\n') return finish(() => resolve(line))
      if (BACKSPACES.includes(key)) line = line.slice(0, -1)
      else if (line.length < MAXIMUM_CHARACTERS) line += key
    }
  }
  const finish = (end: () => void) => {
    process.stdin.off('data', listen)
    end()
  }
  process.stdin.on('data', listen)
}
