import { lots, ticks, type Amount, type Lots, type Ticks } from '@bourse/domain/units'
import { MalformedError, type ByteReader, type ByteWriter } from './bytes.ts'

/** How one value is laid out in bytes. Layouts are built from smaller ones; types follow from them. */
export interface Field<Value> {
  write(writer: ByteWriter, value: Value): void
  read(reader: ByteReader): Value
}

export type ValueOf<F> = F extends Field<infer Value> ? Value : never
export type Shape = Readonly<Record<string, Field<unknown>>>
export type RecordOf<S extends Shape> = { readonly [Name in keyof S]: ValueOf<S[Name]> }

export const u8: Field<number> = { write: (w, value) => w.u8(value), read: (r) => r.u8() }
export const u16: Field<number> = { write: (w, value) => w.u16(value), read: (r) => r.u16() }
export const u32: Field<number> = { write: (w, value) => w.u32(value), read: (r) => r.u32() }
export const safe: Field<number> = { write: (w, value) => w.safe(value), read: (r) => r.safe() }
export const amount: Field<Amount> = { write: (w, value) => w.amount(value), read: (r) => r.amount() }
export const price: Field<Ticks> = { write: (w, value) => w.safe(value), read: (r) => ticks(r.safe()) }
export const quantity: Field<Lots> = { write: (w, value) => w.safe(value), read: (r) => lots(r.safe()) }

export const flag: Field<boolean> = {
  write: (w, value) => w.u8(value ? 1 : 0),
  read(r) {
    const value = r.u8()
    if (value > 1) throw new MalformedError(`flag of value ${value}`, r.position - 1)
    return value === 1
  },
}

export const text = (bytesMax: number): Field<string> => ({
  write: (w, value) => w.text(value, bytesMax),
  read: (r) => r.text(bytesMax),
})

export const bytes = (size: number): Field<Uint8Array> => ({
  write(w, value) {
    if (value.length !== size) throw new RangeError(`${value.length} bytes, ${size} are wanted`)
    w.bytes(value)
  },
  read: (r) => r.bytes(size),
})

/** One of a closed list, stored as its position. Append only. */
export const oneOf = <const Names extends readonly string[]>(...names: Names): Field<Names[number]> => ({
  write(w, value) {
    const at = names.indexOf(value)
    if (at < 0) throw new RangeError(`${value} is none of ${names.join(', ')}`)
    w.u8(at)
  },
  read(r) {
    const name = names[r.u8()]
    if (name === undefined) throw new MalformedError(`none of ${names.join(', ')}`, r.position - 1)
    return name
  },
})

export const list = <Value>(item: Field<Value>, lengthMax: number): Field<readonly Value[]> => ({
  write(w, values) {
    if (values.length > lengthMax)
      throw new RangeError(`${values.length} items, at most ${lengthMax} are allowed`)
    w.u32(values.length)
    for (const value of values) item.write(w, value)
  },
  read(r) {
    const length = r.u32()
    if (length > lengthMax)
      throw new MalformedError(`list of ${length}, at most ${lengthMax}`, r.position - 4)
    const values: Value[] = []
    for (let i = 0; i < length; i++) values.push(item.read(r))
    return values
  },
})

export const optional = <Value>(item: Field<Value>): Field<Value | undefined> => ({
  write(w, value) {
    w.u8(value === undefined ? 0 : 1)
    if (value !== undefined) item.write(w, value)
  },
  read: (r) => (flag.read(r) ? item.read(r) : undefined),
})

/** Named values one after the other, in the order in which they are declared. */
export function record<const S extends Shape>(shape: S): Field<RecordOf<S>> {
  const fields = Object.entries(shape)
  return {
    write(w, value) {
      for (const [name, field] of fields) field.write(w, (value as Record<string, unknown>)[name])
    },
    read(r) {
      const value: Record<string, unknown> = {}
      for (const [name, field] of fields) value[name] = field.read(r)
      return value as RecordOf<S>
    },
  }
}
