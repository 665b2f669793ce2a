import CINI
import Files
import OperatorText
import SRUP

/// One `key = value` of a configuration file, with where it stands.
struct Setting: Equatable {
    var section: String
    var key: String
    var value: String
    /// The path of the file.
    var file: String
    var line: Int

    /// The setting's name in a fault: `[broker] address`.
    var name: String { "[\(section)] \(key)" }

    /// Its place, as it begins a fault.
    var place: String { "line \(line) of \(file)" }

    /// The same for every spelling of one setting: an identifier may have leading zeros, and digits of either case.
    var subject: String { server.map { "[server \($0)] \(key)" } ?? name }

    /// The server whose section it stands in.
    var server: Identifier? {
        section.hasPrefix("server ") ? Identifier(hexadecimal: section.dropFirst("server ".count)) : nil
    }
}

/// Reads an INI file with libinih. Its lines are handed to the parser one by one, so that each setting knows its own.
enum SettingsFile {
    /// 1 MiB: a configuration of a thousand servers takes a tenth of it.
    private static let maximumLength = 1_048_576
    private static let maximumLine = 4_096

    private final class Reading {
        let file: String
        var lines: [[UInt8]]
        var line = 0
        var settings: [Setting] = []
        init(_ file: String, lines: [[UInt8]]) { (self.file, self.lines) = (file, lines) }
    }

    /// Every setting of a file in its order.
    /// - Throws: `OperatorFault` with the line where there is one.
    static func read(_ path: String) throws -> [Setting] {
        let bytes: [UInt8]
        do throws(FileError) { bytes = try File.read(path, atMost: maximumLength, isFollowing: true) } catch {
            if case .tooLong = error {
                throw OperatorFault("the configuration \(path) is too long", hint: "shorten it")
            }
            throw OperatorFault(
                "the configuration \(path) cannot be read: \(error)",
                hint: "give the path of the configuration with --config, and let the beacon's user read it")
        }
        return try parse(bytes[...], path)
    }

    static func parse(_ text: ArraySlice<UInt8>, _ path: String) throws -> [Setting] {
        let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map(Array.init)
        if let long = lines.firstIndex(where: { $0.count > maximumLine - 3 || $0.contains(0) }) {
            throw OperatorFault(
                "line \(long + 1) of \(path) is too long, or holds a zero byte", hint: "correct that line")
        }
        cini_configure(Int32(maximumLine))
        let reading = Reading(path, lines: lines)
        let result = ini_parse_stream(
            { buffer, size, stream in
                guard let buffer, let reading = SettingsFile.from(stream), reading.line < reading.lines.count else {
                    return nil
                }
                let line = reading.lines[reading.line] + [UInt8(ascii: "\n"), 0]
                reading.line += 1
                UnsafeMutableRawBufferPointer(start: buffer, count: Int(size)).copyBytes(from: line.prefix(Int(size)))
                return buffer
            }, Unmanaged.passUnretained(reading).toOpaque(),
            { user, section, key, value in
                guard let reading = SettingsFile.from(user), let section, let key, let value else { return 0 }
                reading.settings.append(
                    Setting(
                        section: String(cString: section), key: String(cString: key), value: String(cString: value),
                        file: reading.file, line: reading.line))
                return 1
            }, Unmanaged.passUnretained(reading).toOpaque())
        guard result == 0 else {
            throw OperatorFault(
                "line \(result) of \(path) is neither [section], nor key = value, nor a comment",
                hint: "correct that line")
        }
        return reading.settings
    }

    private static func from(_ pointer: UnsafeMutableRawPointer?) -> Reading? {
        pointer.map { Unmanaged<Reading>.fromOpaque($0).takeUnretainedValue() }
    }
}
