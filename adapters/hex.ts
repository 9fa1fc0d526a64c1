/** As the ledgers of some families write bytes: hexadecimal digits in capitals. */
export const upperHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex').toUpperCase()
