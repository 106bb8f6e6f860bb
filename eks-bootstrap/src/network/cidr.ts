/** An IPv4 block: the first address as an unsigned 32-bit number and how many addresses follow. */
export type Cidr = { readonly text: string; readonly first: number; readonly size: number }

/** Reads `10.0.1.0/24`. Throws on malformed text and on host bits, which AWS refuses only at deployment. */
export function parseCidr(text: string): Cidr {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text)
  const parts = (match?.slice(1) ?? []).map(Number)
  const prefix = parts.pop()
  if (prefix === undefined || prefix > 32 || parts.some((part) => part > 255)) {
    throw new Error(`not an IPv4 block: ${text}`)
  }
  const first = parts.reduce((address, part) => address * 256 + part, 0)
  const size = 2 ** (32 - prefix)
  if (first % size !== 0) throw new Error(`${text} has host bits: its address is no multiple of ${size}`)
  return { text, first, size }
}

export function contains(outer: Cidr, inner: Cidr): boolean {
  return inner.first >= outer.first && inner.first + inner.size <= outer.first + outer.size
}

export function overlaps(a: Cidr, b: Cidr): boolean {
  return a.first < b.first + b.size && b.first < a.first + a.size
}

/** Addresses a subnet has for interfaces: AWS keeps five. */
export function usableAddresses({ size }: Cidr): number {
  return size - 5
}
