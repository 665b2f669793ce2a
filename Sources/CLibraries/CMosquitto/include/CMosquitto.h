// libmosquitto as Swift imports it: nothing had to be added.
#pragma once
#include <mosquitto.h>
