import Bench

/// The files in Assets. They are compiled in: an installed command needs no other files.
enum ConsoleAssets {
    /// The page's style, and the drawings'.
    static let style = ConsoleReply(
        200, "text/css; charset=utf-8", PackageResources.console_css + Array(Diagram.styleSheet.utf8))
    static let script = ConsoleReply(200, "text/javascript; charset=utf-8", PackageResources.console_js)
    static let icon = ConsoleReply(200, "image/svg+xml", PackageResources.icon_svg)
}
