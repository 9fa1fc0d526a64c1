import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'

/** The script with this environment and nothing else. */
function setUp(env: Record<string, string>) {
  const { status, stdout, stderr } = spawnSync('/bin/bash', ['scripts/setup-daemons.sh'], { env, encoding: 'utf8' })
  return { status, stdout, lines: stderr.trimEnd().split('\n') }
}

test('what is missing and cannot be installed is said in one line', () => {
  const words =
    'tests need litecoind chromium openssl unshare systemd-analyze on the PATH: install them, on Debian with: '
  const { status, stdout, lines } = setUp({ PATH: '/nowhere' })
  expect([status, stdout, lines]).toEqual([
    1,
    '',
    [`${words}apt-get install litecoind chromium openssl util-linux systemd`],
  ])
})

test('a BITCOIND that is no program is said in one line', () => {
  const { status, stdout, lines } = setUp({ PATH: process.env.PATH!, BITCOIND: '/nowhere/bitcoind' })
  expect([status, stdout, lines]).toEqual([
    1,
    '',
    [expect.stringMatching(/^BITCOIND=\/nowhere\/bitcoind names no program/)],
  ])
})

test('where everything is there it changes nothing and says nothing', () => {
  expect(setUp({ PATH: process.env.PATH!, BITCOIND: 'litecoind' })).toEqual({ status: 0, stdout: '', lines: [''] })
})
