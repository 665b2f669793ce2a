// The kernel's Bluetooth sockets. Only libbluetooth's headers are used: addresses and constants, no code.
#pragma once
#include <sys/socket.h>
#include <bluetooth/bluetooth.h>
#include <bluetooth/l2cap.h>
#include <bluetooth/rfcomm.h>
