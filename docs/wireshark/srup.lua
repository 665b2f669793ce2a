-- SRUP version 5 in MQTT, for Wireshark and tshark 4.0 or later. ../wireshark.md says how to install and use this file; ../protocol.md
-- describes what it decodes. It needs no other file; srup-link.lua beside it decodes the proof link over Bluetooth.
--
-- Of sealed values, signatures, tags and nonces only the length is shown. That keeps them out of the tree, the columns and exported
-- fields, and not out of the capture: its bytes are what they are.

local srup = Proto("srup", "Secure Remote Update Protocol")

local SHORTEST_SIGNATURE, LONGEST_SIGNATURE, LONGEST_PAYLOAD = 256, 2048, 198687
local LONGEST_TEXT = 1024 -- characters of DATA in the tree

-- ../protocol.md, section 2.
local TYPES = {
    [0x00] = "generic", [0x01] = "INITIATE", [0x02] = "RESPONSE", [0x03] = "ACTIVATE", [0x04] = "ACTION", [0x05] = "DATA",
    [0x06] = "ID_REQUEST", [0x07] = "group message 07", [0x08] = "group message 08", [0x09] = "JOIN_REQ", [0x0A] = "JOIN_CMD",
    [0x0B] = "HM_JOIN_REQ", [0x0C] = "HM_JOIN_RESP", [0x0D] = "OBS_JOIN_REQ", [0x0E] = "OBS_JOIN_RESP", [0x0F] = "OBSERVE_REQ",
    [0x10] = "RESIGN_REQ", [0x11] = "TERMINATE_CMD", [0x12] = "DEREGISTER_REQ", [0x13] = "DEREGISTER_CMD",
    [0x14] = "group message 14", [0x21] = "SYNDICATION_INIT", [0x24] = "SYNDICATED_ACTION", [0x25] = "SYNDICATED_DATA",
    [0x26] = "SYNDICATED_ID_REQUEST", [0x27] = "SYNDICATED_DEVICE_COUNT", [0x28] = "SYNDICATED_DEVICE_LIST",
    [0x29] = "SYNDICATION_REQUEST", [0x2C] = "SYNDICATED_C2_REQ", [0x2E] = "SYNDICATION_END", [0x2F] = "SYNDICATION_TERMINATE",
}
-- They have no signature, or were withdrawn in version 4. Every receiver refuses them.
local REFUSED = { [0x00] = true, [0x07] = true, [0x08] = true, [0x14] = true }
local STATUSES = {
    [0x00] = "update: success", [0xFC] = "update: HTTP error", [0xFD] = "update: server", [0xFE] = "update: file",
    [0xFF] = "update: digest", [0x10] = "activate: success", [0x1F] = "activate: failed", [0x20] = "action: success",
    [0x2E] = "action: unknown", [0x2F] = "action: failed", [0x3F] = "data: id unknown", [0x50] = "join: accepted",
    [0x5E] = "join: refused", [0x5F] = "join: failed", [0x60] = "observed join: valid", [0x6E] = "observed join: invalid",
    [0x6F] = "observed join: failed", [0x70] = "resign: success", [0x7F] = "resign: failed", [0x80] = "deregister: success",
    [0x8F] = "deregister: failed",
}
local ACTIONS = { [0x01] = "pause", [0x02] = "resume", [0x03] = "identify", [0x04] = "restart the radio" }
local TRANSPORTS = { [0] = "local", [1] = "RFCOMM", [2] = "L2CAP", [3] = "LE" }

local f = {
    version = ProtoField.uint8("srup.version", "Version"),
    type = ProtoField.uint8("srup.type", "Type", base.HEX, TYPES),
    sequence = ProtoField.uint64("srup.sequence_id", "Sequence id", base.DEC),
    sender = ProtoField.uint64("srup.sender", "Sender", base.HEX),
    token_length = ProtoField.uint16("srup.token_length", "Token length", base.DEC),
    token = ProtoField.string("srup.token", "Token"),
    token_names = ProtoField.string("srup.token.names", "Token names"),
    signature_length = ProtoField.uint16("srup.signature_length", "Signature length", base.DEC),
    signature = ProtoField.none("srup.signature", "Signature"),
    status = ProtoField.uint8("srup.status", "Status", base.HEX, STATUSES),
    action = ProtoField.uint8("srup.action", "Action", base.HEX, ACTIONS),
    device = ProtoField.uint64("srup.device", "Device", base.HEX),
    observer = ProtoField.uint64("srup.observer", "Observer", base.HEX),
    target = ProtoField.uint64("srup.target", "Target", base.HEX),
    source = ProtoField.uint64("srup.source", "Source", base.HEX),
    url_length = ProtoField.uint16("srup.url_length", "URL length", base.DEC),
    url = ProtoField.string("srup.url", "URL"),
    digest_length = ProtoField.uint16("srup.digest_length", "Digest length", base.DEC),
    digest = ProtoField.string("srup.digest", "Digest"),
    data_id_length = ProtoField.uint16("srup.data_id_length", "Data id length", base.DEC),
    data_id = ProtoField.string("srup.data_id", "Data id"),
    data_length = ProtoField.uint16("srup.data_length", "Data length", base.DEC),
    data = ProtoField.bytes("srup.data", "Data"),
    data_text = ProtoField.string("srup.data.text", "Data"),
    data_number = ProtoField.uint32("srup.data.number", "Data", base.DEC),
    count = ProtoField.uint32("srup.device_count", "Device count", base.DEC),
    list_sequence = ProtoField.uint32("srup.list_sequence", "Sequence in the list", base.DEC),
    request = ProtoField.uint8("srup.c2_request", "Request", base.HEX),
    zeros = ProtoField.uint16("srup.zeros", "Two zero bytes", base.HEX),
    sealed_length = ProtoField.uint16("srup.sealed_length", "Sealed value length", base.DEC),
    sealed = ProtoField.none("srup.sealed", "Sealed value"),
    wrapped_length = ProtoField.int32("srup.sealed.wrapped_key_length", "Wrapped key length", base.DEC),
    cipher_length = ProtoField.int32("srup.sealed.ciphertext_length", "Ciphertext length", base.DEC),
    plain_length = ProtoField.int32("srup.sealed.plaintext_length", "Plain text length", base.DEC),
    proof = ProtoField.none("srup.proof", "Observation proof"),
    proof_version = ProtoField.uint8("srup.proof.version", "Version of the link"),
    proof_modes = ProtoField.uint8("srup.proof.modes", "Modes offered", base.HEX),
    proof_mode = ProtoField.uint8("srup.proof.mode", "Mode", base.DEC, { [3] = "keyed" }),
    proof_link_nonce = ProtoField.bytes("srup.proof.link_nonce", "Link nonce"),
    proof_beacon = ProtoField.uint64("srup.proof.beacon", "Beacon", base.HEX),
    proof_device = ProtoField.uint64("srup.proof.device", "Device", base.HEX),
    proof_server = ProtoField.uint64("srup.proof.server", "Server", base.HEX),
    proof_transport = ProtoField.uint8("srup.proof.transport", "Transport", base.DEC, TRANSPORTS),
    proof_challenge = ProtoField.bytes("srup.proof.challenge", "Challenge"),
    proof_hidden = ProtoField.none("srup.proof.hidden", "Nonce, tag and signature"),
    same_as = ProtoField.framenum("srup.same_as", "The same message is in frame", base.NONE, frametype.DUP_ACK),
    answer_to = ProtoField.framenum("srup.answer_to", "Answer to the message in frame", base.NONE, frametype.REQUEST),
    answered_in = ProtoField.framenum("srup.answered_in", "Answered in frame", base.NONE, frametype.RESPONSE),
    answer_time = ProtoField.float("srup.answer_time", "Seconds since that message"),
}
srup.fields = {}
for _, field in pairs(f) do table.insert(srup.fields, field) end

local malformed = ProtoExpert.new("srup.malformed", "Malformed: receivers refuse this message", expert.group.MALFORMED,
    expert.severity.ERROR)
local undefined = ProtoExpert.new("srup.undefined", "A number without a meaning", expert.group.PROTOCOL, expert.severity.WARN)
srup.experts = { malformed, undefined }

srup.prefs.topics = Pref.string("Topic prefix", "SRUP/", "MQTT messages on topics that begin so are SRUP")

local topic_of = Field.new("mqtt.topic")

-- A cursor over the payload. `fault` is the first thing that did not fit; after it nothing more is read.
local Reader = {}
Reader.__index = Reader

function Reader:left() return self.tvb:len() - self.at end

-- The next `count` bytes; nil, and a fault, if there are not so many.
function Reader:take(count, name)
    if self.fault then return nil end
    if count > self:left() then
        self.fault = string.format("truncated: %s needs %d bytes, %d left", name, count, self:left())
        return nil
    end
    local range = self.tvb(self.at, count)
    self.at = self.at + count
    return range
end

-- What a big-endian length of 2 bytes precedes, and its length; nil as above.
function Reader:counted(tree, length_field, name)
    local prefix = self:take(2, "the length of the " .. name)
    if not prefix then return nil end
    tree:add(length_field, prefix)
    return self:take(prefix:uint(), "the " .. name), prefix:uint()
end

-- A child that says how long something is, and does not hold its bytes.
local function add_hidden(tree, field, range)
    return tree:add(field, range):append_text(string.format(": %d bytes, not shown", range:len()))
end

-- The text before the NULs with which the reference ends it.
local function text_of(range) return (range:raw():gsub("\0+$", "")) end

local function is_printable(text) return text ~= "" and not text:find("[^\t\r\n\032-\126]") end

-- ../protocol.md, section 5.
local function add_sealed(tree, range)
    local sealed = add_hidden(tree, f.sealed, range)
    local function wrong(text) sealed:add_proto_expert_info(malformed, "sealed value: " .. text) end
    local size = range:len()
    if size < 4 then return wrong("shorter than its first length") end
    sealed:add_le(f.wrapped_length, range(0, 4))
    local wrapped = range(0, 4):le_int()
    if wrapped < 0 or wrapped > size - 28 then return wrong("the wrapped key does not fit") end
    local lengths = range(4 + wrapped + 16, 8)
    sealed:add_le(f.cipher_length, lengths(0, 4))
    sealed:add_le(f.plain_length, lengths(4, 4))
    local cipher, plain = lengths(0, 4):le_int(), lengths(4, 4):le_int()
    if cipher ~= size - 28 - wrapped then return wrong("the ciphertext is not what is left") end
    if plain < 0 or cipher ~= plain - plain % 16 + 16 then return wrong("plain text and ciphertext do not belong together") end
end

-- DATA `OBSERVATION_PROOF`: ../proof-link.md, "Keyed mode".
local function add_proof(tree, range)
    local proof = tree:add(f.proof, range)
    if range:len() <= 44 + 32 + 32 + 32 then
        proof:add_proto_expert_info(malformed, "observation proof: shorter than its fields")
        return
    end
    proof:add(f.proof_version, range(0, 1))
    proof:add(f.proof_modes, range(1, 1))
    proof:add(f.proof_mode, range(2, 1))
    proof:add(f.proof_link_nonce, range(3, 16))
    proof:add(f.proof_beacon, range(19, 8))
    proof:add(f.proof_device, range(27, 8))
    proof:add(f.proof_server, range(35, 8))
    proof:add(f.proof_transport, range(43, 1))
    proof:add(f.proof_challenge, range(44, 32))
    add_hidden(proof, f.proof_hidden, range(76)):append_text(string.format(" (32, 32 and %d)", range:len() - 140))
end

local NUMBERS = { IDENTIFY_SECONDS = true, UPDATE_HTTP_STATUS = true }

local function add_data(tree, range, id)
    if range:len() == 0 then return end
    if id == "OBSERVATION_PROOF" then return add_proof(tree, range) end
    if NUMBERS[id] and range:len() == 4 then return tree:add_le(f.data_number, range) end
    local shown = range:len() > LONGEST_TEXT and range(0, LONGEST_TEXT) or range
    tree:add(is_printable(text_of(shown)) and f.data_text or f.data, shown)
end

-- The parts of bodies: each reads its own bytes, draws them, and notes in `message` what others need.
local function number(size, field, name)
    return function(reader, tree, message)
        local range = reader:take(size, name)
        if not range then return end
        tree:add_le(field, range)
        if size == 1 then message[name] = range:uint() end
    end
end

local function text(length_field, field, name)
    return function(reader, tree)
        local range, length = reader:counted(tree, length_field, name)
        if range and length > 0 then tree:add(field, range) end
    end
end

local function sealed(reader, tree)
    local range = reader:counted(tree, f.sealed_length, "sealed value")
    if range then add_sealed(tree, range) end
end

local function data_id(reader, tree, message)
    local range, length = reader:counted(tree, f.data_id_length, "data id")
    if not range then return end
    if length > 0 then tree:add(f.data_id, range) end
    message.data_id = length > 0 and text_of(range) or ""
end

local function data(reader, tree, message)
    local range = reader:counted(tree, f.data_length, "data")
    if range then add_data(tree, range, message.data_id) end
end

local status, action = number(1, f.status, "status"), number(1, f.action, "action")
local device, target = number(8, f.device, "device"), number(8, f.target, "target")
local url = text(f.url_length, f.url, "URL")
-- The messages that are not here have no body.
local BODIES = {
    [0x01] = { url, text(f.digest_length, f.digest, "digest") },
    [0x02] = { status },
    [0x04] = { action },
    [0x05] = { data_id, data },
    [0x0A] = { device },
    [0x0C] = { sealed },
    [0x0D] = { number(8, f.observer, "observer") },
    [0x0E] = { sealed },
    [0x0F] = { device, sealed },
    [0x21] = { url, sealed },
    [0x24] = { action, target },
    [0x25] = { data_id, data, number(8, f.source, "source") },
    [0x26] = { target },
    [0x27] = { number(4, f.count, "count") },
    [0x28] = { number(4, f.list_sequence, "sequence in the list"), device },
    [0x29] = { sealed },
    [0x2C] = { data, number(1, f.request, "request"), number(2, f.zeros, "two zero bytes") },
}

-- A token may end in the identifiers of its parties (../protocol.md, section 8). Longer ones than these are refused.
local LONGEST_TOKEN_WITH_NAMES = 255

local function add_token(tree, range)
    local item = tree:add(f.token, range)
    if range:len() > LONGEST_TOKEN_WITH_NAMES then return end
    for id in range:raw():gmatch("@(%x+)") do
        if #id <= 16 then item:add(f.token_names, range, string.rep("0", 16 - #id) .. id:lower()):set_generated() end
    end
end

local function add_header(reader, tree, message)
    local version = reader:take(1, "version")
    if not version then return end
    tree:add(f.version, version)
    local type = reader:take(1, "type")
    if not type then return end
    tree:add(f.type, type)
    message.type = type:uint()
    message.name = TYPES[message.type] or string.format("type %02X", message.type)
    if version:uint() ~= 5 then
        message.refused = string.format("version %d, not 5", version:uint())
    elseif not TYPES[message.type] then
        message.refused = message.name .. " does not exist"
    elseif REFUSED[message.type] then
        message.refused = message.name .. " is refused"
    end
    local sequence = reader:take(8, "sequence id")
    if not sequence then return end
    tree:add_le(f.sequence, sequence)
    local sender = reader:take(8, "sender")
    if not sender then return end
    tree:add_le(f.sender, sender)
    message.key = sequence:raw() .. sender:raw()
    message.sequence, message.sender = tostring(sequence:le_uint64()), sender:le_uint64():tohex(16)
    local token, length = reader:counted(tree, f.token_length, "token")
    if not token then return end
    if length == 0 then reader.fault = "empty token" return end
    add_token(tree, token)
    message.token = token:raw()
end

local function add_signature(reader, tree, message)
    local signature, length = reader:counted(tree, f.signature_length, "signature")
    if not signature then return end
    if length > 0 then add_hidden(tree, f.signature, signature) end
    message.key = message.key .. signature:raw()
    if length < SHORTEST_SIGNATURE or length > LONGEST_SIGNATURE then
        reader.fault = string.format("a signature of %d bytes", length)
    end
end

-- Draws all fields; returns what they say. `fault` is nil for a message whose form is right.
local function add_message(tvb, tree)
    local reader, message = setmetatable({ tvb = tvb, at = 0 }, Reader), { name = "not a message" }
    if tvb:len() == 0 then reader.fault = "empty payload" end
    if tvb:len() > LONGEST_PAYLOAD then reader.fault = "longer than any message" end
    add_header(reader, tree, message)
    reader.fault = message.refused or reader.fault
    if not reader.fault then add_signature(reader, tree, message) end
    for _, part in ipairs(BODIES[message.type] or {}) do
        if not reader.fault then part(reader, tree, message) end
    end
    if not reader.fault and reader:left() > 0 then
        reader.fault = string.format("%d bytes after the message", reader:left())
    end
    message.fault = reader.fault
    return message
end

-- Which messages ask, and which question an answer answers. Both carry the same token.
local ASKS = {
    [0x01] = "update", [0x03] = "activate", [0x04] = "action", [0x05] = "data", [0x06] = "identity", [0x09] = "join", [0x0B] = "join",
    [0x0C] = "join", [0x0D] = "join", [0x0E] = "join", [0x0F] = "observed join", [0x10] = "resign", [0x12] = "deregister",
    [0x13] = "deregister",
}
local ANSWERS = { -- by the first digit of a status
    [0] = "update", [1] = "activate", [2] = "action", [3] = "data", [5] = "join", [6] = "observed join", [7] = "resign",
    [8] = "deregister", [15] = "update",
}
local DATA_ANSWERS = {
    IDENTIFICATION = "identity", OBSERVATION_EVIDENCE = "observed join", OBSERVATION_PROOF = "observed join",
    UPDATE_HTTP_STATUS = "update", UPDATE_HTTP_CONTENTS = "update",
}

-- By sequence id, sender and signature: the first frame with the message. By question and token: who asked and who answered, and when.
local first_frames, exchanges = {}, {}
function srup.init() first_frames, exchanges = {}, {} end

local function questions(message)
    local answers = DATA_ANSWERS[message.data_id]
    if message.status then answers = ANSWERS[math.floor(message.status / 16)] end
    if answers then return nil, answers .. "\0" .. message.token end
    local asks = ASKS[message.type]
    return asks and asks .. "\0" .. message.token
end

-- The broker passes each message on, so a capture on its machine holds it several times: only the first counts.
local function add_links(message, pinfo, tree)
    local frame = pinfo.number
    local first = first_frames[message.key] or frame
    first_frames[message.key] = first
    local asks, answers = questions(message)
    if first == frame then
        if asks and not exchanges[asks] then exchanges[asks] = { asked = frame, at = pinfo.rel_ts } end
        local exchange = exchanges[answers]
        local is_final = message.status or DATA_ANSWERS[message.data_id] == "identity"
        if exchange and is_final and not exchange.answered and exchange.asked <= frame then exchange.answered = frame end
    end
    local exchange = exchanges[asks or answers]
    if first ~= frame then
        tree:add(f.same_as, first):set_generated()
    elseif exchange and answers and exchange.asked <= frame then
        tree:add(f.answer_to, exchange.asked):set_generated()
        tree:add(f.answer_time, pinfo.rel_ts - exchange.at):set_generated()
    elseif exchange and exchange.answered and exchange.asked == frame then
        tree:add(f.answered_in, exchange.answered):set_generated()
    end
end

local function summary(message)
    local parts = { message.name }
    if message.status then table.insert(parts, STATUSES[message.status] or string.format("status %02X", message.status)) end
    if message.data_id and is_printable(message.data_id) then table.insert(parts, message.data_id) end
    if message.sender then table.insert(parts, "from " .. message.sender) end
    return table.concat(parts, " ") .. (message.fault and " [malformed]" or "")
end

function srup.dissector(tvb, pinfo, tree)
    pinfo.cols.protocol = "SRUP"
    local root = tree:add(srup, tvb())
    local message = add_message(tvb, root)
    if message.fault then
        root:add_proto_expert_info(malformed, message.fault)
    else
        if message.status and not STATUSES[message.status] then root:add_proto_expert_info(undefined, "undefined status") end
        add_links(message, pinfo, root)
    end
    root:append_text(", " .. summary(message))
    pinfo.cols.info:append(", " .. summary(message))
    return tvb:len()
end

-- MQTT offers each message to the heuristics of this list. The topic is the last one that it has put into the tree.
srup:register_heuristic("mqtt.topic", function(tvb, pinfo, tree)
    local topics = { topic_of() }
    local topic = #topics > 0 and topics[#topics].value or ""
    if topic:sub(1, #srup.prefs.topics) ~= srup.prefs.topics then return false end
    srup.dissector(tvb, pinfo, tree)
    return true
end)
