import { z } from 'zod'

const environment = z.object({
  BOURSE_URL: z.url().default('http://127.0.0.1:8080'),
  /** A private JWK that signs tokens for the accounts played. */
  BOURSE_SIGNING_KEY: z.string().default('.bourse/keys/signing-key.json'),
  TOKEN_ISSUER: z.string().default('http://127.0.0.1/bourse-local'),
  TOKEN_AUDIENCE: z.string().default('bourse'),
  /** Given, trades are counted and volume summed there. */
  DATABASE_READ_URL: z.string().optional(),
})

export const config = (): z.infer<typeof environment> => environment.parse(process.env)
