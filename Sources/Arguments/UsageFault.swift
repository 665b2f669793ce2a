import ArgumentParser
import EventLoop
import Glibc
import Nearby
import OperatorText

/// A command line that the command cannot take: a message that says what is wrong, and a hint that says what to do.
public struct UsageFault: OperatorError, Equatable, CustomStringConvertible {
    /// The command's name.
    public let command: String
    /// What is wrong: one line, lower case.
    public let message: String
    /// What to do about it.
    public let hint: String

    /// EX_USAGE of sysexits.h.
    public var exitStatus: Int32 { EX_USAGE }

    /// Usage errors name no settings: the help has the same name in both commands.
    public func hint(for names: SettingNames) -> String { hint }

    /// Two lines, as both commands print them.
    public var description: String { report(by: command, .beacon) }

    /// What the parser, or a verb's `validate`, found wrong with a command line.
    /// - Returns: nil where it found nothing wrong: help was asked for, or the verb itself failed.
    public init?(_ error: any Error, of command: any ParsableCommand.Type, arguments: [String]) {
        // The parser answers `help nonsense` with the help of the whole command.
        let wantsHelp = arguments.first == "help"
        let path = VerbPath(of: command, wantsHelp ? Array(arguments.dropFirst()) : arguments)
        guard command.exitCode(for: error) == .validationFailure || wantsHelp && path.unknownVerb != nil else {
            return nil
        }
        self.command = command._commandName
        let help = command.helpMessage(for: path.verb, includeHidden: true)
        message =
            path.unknownVerb ?? path.unknownOption(in: arguments, help: help)
            ?? Message(command.message(for: error)).message
        hint = "run: \(path.words) --help"
    }
}

extension ParsableCommand {
    /// Parses the command line and runs the verb that it names. A usage error ends the process.
    /// - Throws: what the verb throws.
    public static func runVerb() throws {
        Descriptors.prepare()
        do {
            var verb = try parseAsRoot()
            try verb.run()
        } catch {
            let arguments = Array(CommandLine.arguments.dropFirst())
            guard let fault = UsageFault(error, of: self, arguments: arguments) else { throw error }
            let text = "\(fault)\n"
            write(STDERR_FILENO, text, text.utf8.count)
            exit(withError: ExitCode(fault.exitStatus))
        }
    }
}

/// The verbs that a command line names, down to the last that exists.
struct VerbPath {
    /// As they are typed, from the command's name on.
    private(set) var words: String
    /// The last of them.
    private(set) var verb: any ParsableCommand.Type
    /// The message about an argument that is not a subcommand.
    private(set) var unknownVerb: String?

    init(of command: any ParsableCommand.Type, _ arguments: [String]) {
        (words, verb) = (command._commandName, command)
        for argument in arguments {
            let verbs = verb.configuration.subcommands
            guard let next = verbs.first(where: { $0._commandName == argument }) else {
                guard !verbs.isEmpty, !argument.hasPrefix("-") else { return }
                // Those that the help lists.
                let names = verbs.filter { $0.configuration.shouldDisplay }.map { $0._commandName }
                unknownVerb =
                    "unknown verb \"\(argument)\"" + Suggestion.question(Suggestion.nearest(to: argument, among: names))
                return
            }
            words += " " + argument
            verb = next
        }
    }

    /// A long option that the verb does not have. The parser names it last: it takes the option's value for an argument of the
    /// verb, and may complain about that, or about what is missing.
    /// - Parameter help: the verb's, with every option.
    func unknownOption(in arguments: [String], help: String) -> String? {
        let lines = help.split(separator: "\n").filter { $0.hasPrefix("  -") }
        let known = lines.flatMap { line in
            (line.dropFirst(2).firstRange(of: "  ").map { line[..<$0.lowerBound] } ?? line).matches(
                of: /--?[A-Za-z0-9-]+/)
        }.map { String($0.output) }
        let typed = arguments.prefix { $0 != "--" }.filter { $0.hasPrefix("--") }
            .map { String($0.prefix { $0 != "=" }) }
        guard let unknown = typed.first(where: { !known.contains($0) }) else { return nil }
        return "unknown option \"\(unknown)\"" + Suggestion.question(Suggestion.nearest(to: unknown, among: known))
    }
}

/// A message of the parser's, in this project's form.
struct Message {
    private let text: String

    init(_ text: String) { self.text = text }

    var message: String {
        if let found = text.wholeMatch(of: /Unknown option '(.*?)'(?:\. Did you mean .*)?/.dotMatchesNewlines()) {
            return "unknown option \"\(found.1)\""
        }
        if let found = text.wholeMatch(of: /Unexpected argument '(.*)'/.dotMatchesNewlines()) {
            return "unexpected argument \"\(found.1)\""
        }
        if let found = text.wholeMatch(of: /[0-9]+ unexpected arguments: '(.*)'/.dotMatchesNewlines()) {
            return "unexpected arguments: "
                + found.1.split(separator: "', '").map { "\"\($0)\"" }.joined(separator: ", ")
        }
        if let found = text.wholeMatch(of: /Missing expected argument '(.*)'/) {
            return found.1.hasPrefix("-") ? "missing option \(found.1)" : "missing argument \(found.1)"
        }
        if let found = text.wholeMatch(of: /Missing value for '(.*)'/) { return "missing value of \(found.1)" }
        let flag = /The option '(.*?)' does not take any value, but '(.*)' was specified\./
        if let found = text.wholeMatch(of: flag.dotMatchesNewlines()) {
            return "unexpected value \"\(found.2)\" of \(found.1), which takes none"
        }
        return invalidValue ?? text
    }

    /// What a placeholder of this project's stands for, or why the value is not that.
    private func form(of option: Substring, _ value: Substring) -> String? {
        switch option.firstMatch(of: /<(.*)>/)?.1 {
        case "identity", "server": ", which takes 1 to 16 hexadecimal digits"
        case "address": form(ofAddress: value)
        case "identity=address":
            value.firstIndex(of: "=").map { form(ofAddress: value[value.index(after: $0)...]) }
        case "seconds": ", which takes a number of seconds"
        case "time": ", which takes \(TimeLimit.forms)"
        default: nil
        }
    }

    private func form(ofAddress value: Substring) -> String {
        let takes = ", which takes local:PATH, rfcomm:ADDR, l2cap:ADDR, le:ADDR or le-random:ADDR"
        do throws(NearbyAddressFault) {
            _ = try NearbyAddress(checking: String(value))
            return takes
        } catch {
            return error == .noTransport ? takes : ": " + error.message
        }
    }

    /// `The value 'x' is invalid for '--y <y>'. Please provide one of 'a', 'b' or 'c'.`
    private var invalidValue: String? {
        let pattern = /The value '(.*)' is invalid for '([^']*)'(?:\. Please provide one of (.*)\.|(: .*))?/
        guard let found = text.wholeMatch(of: pattern.dotMatchesNewlines()) else { return nil }
        let wanted =
            found.3.map { ", which takes " + $0.replacing("'", with: "") } ?? found.4.map(String.init)
            ?? form(of: found.2, found.1) ?? ""
        return "invalid value \"\(found.1)\" of \(found.2)" + wanted
    }
}
