/** The algorithms that JSON Web Tokens may be signed with, and which keys each takes. */

export const JWT_ALGORITHMS = ["HS256", "RS256", "ES256", "EdDSA"] as const;
export type JwtAlgorithm = (typeof JWT_ALGORITHMS)[number];

/** A secret shorter than what comes out of the hash can be guessed from one token (RFC 7518, section 3.2). */
export const SECRET_BYTES_MIN = 32;

/** RFC 7518, section 3.3. */
export const RSA_BITS_MIN = 2_048;

/** `kty` and `crv` of its keys as a JWK tells them. */
export const KEY_KINDS: Readonly<Record<JwtAlgorithm, { readonly kty: string; readonly crv?: string }>> = {
  HS256: { kty: "oct" },
  RS256: { kty: "RSA" },
  ES256: { kty: "EC", crv: "P-256" },
  EdDSA: { kty: "OKP", crv: "Ed25519" },
};
