import SRUP

// The two requests with which the reference's C2 server makes itself known when it starts. A registry of ours has one C2 server, which is
// named when it is made: it can find itself here, and no other can be added.
extension Registry {
    /// Whether an identity is this registry's C2 server: 200; 404: it is not known; 400: it is another node's, and so cannot be a server's.
    /// - Throws: `RegistryRefusal`. Which identities exist is for readers, as `get_key` is.
    func checkServer(_ text: String, role: RegistryRole?) throws -> RegistryReply {
        if own.isServer(text) { return .json(200, ["identity": text]) }
        guard policy.hasOpenKeys || role == .read || role == .c2 else {
            throw RegistryRefusal(401, "a reader's token is needed")
        }
        let identity = try RegistryBody.identity(text)
        guard try store.entry(identity) == nil, !own.isReserved(identity) else {
            throw RegistryRefusal(400, "the identity belongs to a node that is not a server")
        }
        throw RegistryRefusal(404, "this is not the registry's C2 server")
    }

    /// 201 for the registry's C2 server with its key; no other is added.
    func addServer(_ body: RegistryBody.Server) throws -> RegistryReply {
        guard own.isServer(body.identity), own.openKey(of: body.identity)?.der == (try publicKey(body.key).der) else {
            throw RegistryRefusal(
                403,
                "the C2 server of a registry is named when it is made: srup-bench registry init --c2 ID --c2-key FILE")
        }
        return .json(201, ["identity": body.identity])
    }
}
