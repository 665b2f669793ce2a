import Foundation
import HumanView
import Testing

@Suite("The four colours")
struct PaletteTests {
    private static let colours: [Grid.Cell] = [.navy, .orange, .aqua, .yellow]
    private static let pairs = (0..<4).flatMap { one in (one + 1..<4).map { (colours[one], colours[$0]) } }

    /// How people with a form of colour blindness see, in linear light: Machado, Oliveira and Fernandes, "A
    /// Physiologically-based Model for Simulation of Color Vision Deficiency", 2009, severity 1.0.
    private static let sights: [String: [[Double]]] = [
        "all colours": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        "protanopia": [
            [0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998],
        ],
        "deuteranopia": [
            [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881],
        ],
        "tritanopia": [
            [1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900],
        ],
    ]

    /// A difference of 2.3 is just noticeable side by side; colours with different names differ by about 40.
    @Test("any two can be distinguished with each kind of colour blindness", arguments: sights.keys.sorted())
    func sight(name: String) throws {
        let sight = try #require(PaletteTests.sights[name])
        for (one, other) in PaletteTests.pairs {
            #expect(difference(seen(one, sight), seen(other, sight)) > 40, "\(one), \(other)")
        }
    }

    @Test("red and green of the same lightness would not pass")
    func wouldFail() throws {
        let sight = try #require(PaletteTests.sights["deuteranopia"])
        func seen(_ colour: [Double]) -> [Double] { lab(product(sight, colour.map(linear))) }
        #expect(difference(seen([200, 70, 40]), seen([115, 125, 40])) < 40)
    }

    @Test("any two can be distinguished by their lightness alone, which follows the order of the bits")
    func grey() {
        let lightness = PaletteTests.colours.map { lab([luminance($0), luminance($0), luminance($0)])[0] }
        for (one, other) in zip(lightness, lightness.dropFirst()) { #expect(other - one > 18) }
    }

    @Test("each has its own letter, and each letter has the contrast that WCAG 2 requires of text (4.5)")
    func letters() {
        #expect(Set(PaletteTests.colours.compactMap(\.letter)).count == 4)
        for cell in PaletteTests.colours {
            #expect(contrast(cell, cell.ink) >= 4.5, "\(cell)")
            #expect(cell.ink == .black || cell.ink == .white)
        }
        #expect(contrast(.navy, .black) < 4.5)
    }
}

// MARK: - Colour

private func linear(_ level: Double) -> Double {
    level / 255 <= 0.04045 ? level / 255 / 12.92 : pow((level / 255 + 0.055) / 1.055, 2.4)
}

private func light(_ cell: Grid.Cell) -> [Double] {
    [cell.rgb.red, cell.rgb.green, cell.rgb.blue].map { linear(Double($0)) }
}

private func product(_ matrix: [[Double]], _ vector: [Double]) -> [Double] {
    matrix.map { min(1, max(0, zip($0, vector).map(*).reduce(0, +))) }
}

/// CIE L*a*b* of linear red, green and blue, under D65.
private func lab(_ rgb: [Double]) -> [Double] {
    let rows = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    let xyz = zip(rows, [0.9505, 1, 1.089]).map { row, white in zip(row, rgb).map(*).reduce(0, +) / white }
    let bent = xyz.map { $0 > 216.0 / 24389 ? cbrt($0) : (24389.0 / 27 * $0 + 16) / 116 }
    return [116 * bent[1] - 16, 500 * (bent[0] - bent[1]), 200 * (bent[1] - bent[2])]
}

private func seen(_ cell: Grid.Cell, _ sight: [[Double]]) -> [Double] { lab(product(sight, light(cell))) }

/// CIE76.
private func difference(_ one: [Double], _ other: [Double]) -> Double {
    zip(one, other).map { ($0 - $1) * ($0 - $1) }.reduce(0, +).squareRoot()
}

private func luminance(_ cell: Grid.Cell) -> Double {
    zip(light(cell), [0.2126, 0.7152, 0.0722]).map(*).reduce(0, +)
}

private func contrast(_ one: Grid.Cell, _ other: Grid.Cell) -> Double {
    let (low, high) = (min(luminance(one), luminance(other)), max(luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)
}
