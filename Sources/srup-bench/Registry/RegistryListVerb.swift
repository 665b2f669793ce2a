import ArgumentParser
import Arguments
import Bench
import OperatorText
import Registration

struct RegistryListVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the registered identities, the newest first.",
        discussion: """
            One line for each: the identity, its state (waiting, validated, waiting for a new key, revoked), the expiry of its \
            certificate, when it registered, its type, the number and the label of the token that enrolled it, and its name and \
            place: as given with the token, otherwise as the device has sent them.

            --json prints one array instead. The keys of its objects stay the same: identity, state (waiting, validated, rekeyed, \
            revoked), type, registered, validated, revoked, rekeyed, certificate_until, token, token_label, name, site, position; \
            times in UTC. What is not known is left out.
            """)

    @OptionGroup var place: RegistryPlace

    @Flag(help: "Print one JSON array, for machines.")
    var json = false

    func run() throws {
        let entries = try RegistryAdmin(RegistryFolder(existing: place.folder)).entries()
        guard !json else { return Terminal.print(RegistryEntry.json(entries)) }
        for entry in entries { Terminal.print(line(entry)) }
    }

    private func line(_ entry: RegistryEntry) -> String {
        func text(_ seconds: Int64) -> String { Timestamp(seconds).description }
        let state =
            switch entry.state {
            case .revoked: "revoked \(text(entry.revoked ?? 0))"
            case .rekeyed: "waiting for a new key since \(text(entry.rekeyed ?? 0))"
            case .validated: "validated \(text(entry.validated ?? 0))"
            case .waiting: "waiting"
            }
        let certificate = entry.certifiedUntil.map { "certificate until \(text($0))" } ?? "no certificate"
        let token = entry.token.map { "  by token \($0.number)" + ($0.label.map { " \"\($0)\"" } ?? "") } ?? ""
        return "\(entry.identity.topicForm)  \(state)  \(certificate)  registered \(text(entry.registered))"
            + "  \"\(entry.type)\"\(token)\(entry.place.text)"
    }
}
