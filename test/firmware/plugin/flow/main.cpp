#include "metadata/main.h"
