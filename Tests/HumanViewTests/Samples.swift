import Foundation
import HumanView
import SRUP
import SystemSupport
import Testing

/// The value of the paper's Figure 3.
let figure: [UInt8] = [
    0xC4, 0xBF, 0x81, 0x05, 0x83, 0x51, 0x41, 0xE0, 0x88, 0x6F, 0xD2, 0x5F, 0x9A, 0x69, 0xC5, 0xAD,
]

/// A view of these bytes.
func picture(_ view: HumanView, _ bytes: [UInt8] = figure) throws -> Picture {
    view.picture(of: try #require(Secret(bytes)))
}

/// The cells of a picture that has some.
func grid(_ picture: Picture) throws -> Grid {
    guard case .grid(let grid) = picture.form else {
        Issue.record("\(picture.name) has no cells")
        throw NotInTime(what: "cells")
    }
    return grid
}

/// The lines of a picture that has some.
func lines(_ picture: Picture) throws -> [String] {
    guard case .text(let lines) = picture.form else {
        Issue.record("\(picture.name) has no lines")
        throw NotInTime(what: "lines")
    }
    return lines
}

/// A folder that is removed after the test.
func withFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appending(path: "srup-views-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder)
}

/// Whether a program of this name is installed.
func isInstalled(_ program: String) -> Bool {
    (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        .contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(program)") }
}
